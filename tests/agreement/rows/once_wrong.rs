//! Cases in which the model was wrong once, as the test printed them.

use super::{Row, Says, file};
use crate::case::Item;
use crate::make::{Elf, LOAD, Segment};

pub(crate) fn rows() -> Vec<Row> {
    // A low address that is asked for becomes CONFIG_LSM_MMAP_MIN_ADDR, so the second segment does not lie at 0.
    let load = |vaddr| Segment { kind: LOAD, flags: 4, offset: 0, vaddr, filesz: 0x200, memsz: 0x200, align: 0x1000 };
    let loader = Elf { segments: vec![load(0x2000), load(0)], ..Elf::new(true, 3) };
    let program = Elf::new(true, 2).interpreted(b"ld").bytes();
    vec![(
        "an interpreter whose first segment is not its lowest",
        file(program).with("ld", Item::File([loader.bytes(), vec![0; 0x200]].concat())),
        Says::Runs(vec!["zero", "one"]),
    )]
}
