//! Sparse members of a tar, whose bodies are the data between the holes: the old type of GNU's, and the three forms that pax
//! records have (tar's manual, "Sparse Formats"). bsdtar writes the last one unasked.

use std::io;

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::tar::broken;

/// A stretch of a file.
pub(super) type Stretch = (u64, u64);

/// More stretches than this are in no file of a package or an image.
const MOST: usize = 1 << 16;

/// What is left of a sparse file, and how much of it was read.
#[derive(Debug)]
pub(super) struct Sparse {
    /// Where data is, the first last.
    data: Vec<Stretch>,
    at: u64,
    pub(super) size: u64,
}

/// What comes next in a sparse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// So many bytes of the member's body.
    Data(u64),
    /// So many zeros.
    Hole(u64),
}

impl Sparse {
    /// A file of `size` bytes with data in these places, `stored` bytes in all.
    pub(super) fn new(mut data: Vec<Stretch>, size: u64, stored: u64) -> io::Result<Sparse> {
        let mut end = 0;
        for (start, len) in &data {
            let next = start.checked_add(*len).filter(|next| *start >= end && *next <= size);
            end = next.ok_or_else(|| broken("the map of a sparse member"))?;
        }
        if data.iter().map(|(_, len)| len).sum::<u64>() != stored {
            return Err(broken("the map of a sparse member"));
        }
        data.reverse();
        Ok(Sparse { data, at: 0, size })
    }

    pub(super) fn left(&self) -> u64 {
        self.size - self.at
    }

    /// The next stretch, at most `most` bytes of it, which count as read from now on.
    pub(super) fn next(&mut self, most: u64) -> Next {
        while self.data.pop_if(|(start, len)| *start + *len <= self.at).is_some() {}
        let most = most.min(self.left());
        let next = match self.data.last() {
            Some((start, _)) if *start > self.at => Next::Hole(most.min(*start - self.at)),
            Some((start, len)) => Next::Data(most.min(*start + *len - self.at)),
            None => Next::Hole(most),
        };
        let (Next::Data(len) | Next::Hole(len)) = next;
        self.at += len;
        next
    }
}

/// The stretches of GNU's old type: four in the header, others in blocks after it, which `block` reads.
pub(super) fn old(
    header: &Header,
    mut block: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<(Vec<Stretch>, u64)> {
    let wrong = || broken("the map of a sparse member");
    let gnu = header.as_gnu().ok_or_else(wrong)?;
    let mut data = stretches(&gnu.sparse)?;
    let mut goes_on = gnu.is_extended();
    while goes_on {
        let mut more = GnuExtSparseHeader::new();
        block(more.as_mut_bytes())?;
        data.extend(stretches(more.sparse())?);
        goes_on = more.is_extended() && data.len() < MOST;
    }
    Ok((data, gnu.real_size().map_err(|_| wrong())?))
}

fn stretches(fields: &[GnuSparseHeader]) -> io::Result<Vec<Stretch>> {
    let used = fields.iter().filter(|field| !field.is_empty());
    used.map(|field| Ok((field.offset()?, field.length()?))).collect()
}

/// The map before the data of pax's form 1.0: a number of stretches, and two numbers for each, a line each, up to the end of a
/// block. Returns how many bytes it takes as well.
pub(super) fn map(mut block: impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<(Vec<Stretch>, u64)> {
    const BLOCK: usize = 512;
    /// The digits of the largest number, and the end of its line.
    const LONGEST: usize = 21;
    let wrong = || broken("the map of a sparse member");
    let (mut text, mut whole) = (Vec::new(), 0);
    loop {
        let start = text.len();
        text.resize(start + BLOCK, 0);
        block(&mut text[start..])?;
        whole += text[start..].iter().filter(|&&byte| byte == b'\n').count();
        let mut lines = text.split(|&byte| byte == b'\n');
        let mut number = || std::str::from_utf8(lines.next()?).ok()?.parse::<u64>().ok();
        // The first block has it whole.
        let count = number().filter(|count| *count <= MOST as u64).ok_or_else(wrong)?;
        let wanted = 1 + 2 * count as usize;
        if whole >= wanted {
            let data = (0..count).map(|_| Some((number()?, number()?)));
            return Ok((data.collect::<Option<_>>().ok_or_else(wrong)?, text.len() as u64));
        }
        if text.len() > wanted * LONGEST {
            return Err(wrong());
        }
    }
}

/// The numbers of GNU.sparse.map (form 0.1): "offset,length,offset,length".
pub(super) fn listed(map: &str) -> Option<Vec<Stretch>> {
    let numbers: Option<Vec<u64>> = map.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() % 2 == 0 && numbers.len() <= 2 * MOST)?;
    Some(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_holes_in_turn() {
        let mut sparse = Sparse::new(vec![(2, 3), (8, 1)], 12, 4).unwrap();
        let all: Vec<Next> = std::iter::from_fn(|| (sparse.left() > 0).then(|| sparse.next(2))).collect();
        assert_eq!(
            all,
            [
                Next::Hole(2),
                Next::Data(2),
                Next::Data(1),
                Next::Hole(2),
                Next::Hole(1),
                Next::Data(1),
                Next::Hole(2),
                Next::Hole(1)
            ]
        );
        for (data, size, stored) in
            [(vec![(2, 3), (4, 1)], 12, 4), (vec![(2, 3)], 4, 3), (vec![(2, 3)], 12, 2), (vec![(1, u64::MAX)], 9, 8)]
        {
            assert!(Sparse::new(data, size, stored).is_err());
        }
    }

    #[test]
    fn maps_before_the_data() {
        let read = |text: &str| {
            let mut rest = text.as_bytes();
            map(|block| {
                let len = rest.len().min(block.len());
                block[..len].copy_from_slice(&rest[..len]);
                rest = &rest[len..];
                if len == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
            })
        };
        assert_eq!(read("2\n0\n5\n100\n7\n").unwrap(), (vec![(0, 5), (100, 7)], 512));
        let long = format!("200\n{}", "10\n0\n".repeat(200));
        assert_eq!(read(&long).unwrap().1, 1024);
        let endless = "7".repeat(4096);
        for text in ["x\n1\n", "99999999\n1\n", "2\n1\n", &endless, &format!("2\n{endless}")] {
            assert!(read(text).is_err_and(|error| error.kind() != io::ErrorKind::UnexpectedEof), "{text}");
        }
        assert_eq!(listed("0,5,100,7"), Some(vec![(0, 5), (100, 7)]));
        assert_eq!((listed("0,5,1"), listed("a,b")), (None, None));
    }
}
