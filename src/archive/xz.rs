//! xz. `xz -T` and dpkg-deb cut their output into independent blocks, and an index at the end tells where they are:
//! those are decoded side by side and handed on in order. Anything else is decoded as one stream.
//!
//! liblzma's own threaded decoder holds the whole output of every block; here all blocks share [`CHUNKS`] buffers.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use liblzma::stream::{Action, Error as Lzma, Status, Stream as Decoder};

use super::{Part, Stream, buffered};

const HEADER: u64 = 12;
const CHUNK: usize = 1 << 20;

/// With two decoders of 9 MiB each, this keeps a fetch below 64 MB.
const CHUNKS: usize = 20;

/// Left to the block that is being read, so that blocks decoded ahead cannot starve it.
const RESERVE: usize = 2;

/// One decoder of several; `xz -6`, which dpkg-deb uses, needs 9 MiB.
const SHARED_MEMORY: u64 = 12 << 20;

/// The only decoder; `xz -9` needs 65 MiB.
const ALONE_MEMORY: u64 = 66 << 20;

/// The tar in an xz file, decoded by up to `jobs` threads.
pub(super) fn open(part: Part, jobs: usize) -> io::Result<Stream> {
    match blocks(&part) {
        Some(blocks) if jobs > 1 && blocks.len() > 1 && fits(&part)? => {
            Ok(Box::new(Parallel::start(part, blocks, jobs)))
        }
        _ => {
            let flags = liblzma::stream::CONCATENATED | check_flag(&part);
            let decoder = Decoder::new_stream_decoder(ALONE_MEMORY, flags)?;
            Ok(buffered(liblzma::bufread::XzDecoder::new_stream(part.reader(), decoder)))
        }
    }
}

fn check_flag(part: &Part) -> u32 {
    if part.verified { liblzma::stream::IGNORE_CHECK } else { 0 }
}

/// How many blocks can be decoded by themselves; none where the file has to be decoded from its start.
pub(super) fn independent(part: &Part) -> io::Result<usize> {
    let aligned = |blocks: &Vec<Block>| blocks.iter().rev().skip(1).all(|b| b.decompressed % 512 == 0);
    match blocks(part).filter(aligned) {
        Some(blocks) if blocks.len() > 1 && fits(part)? => Ok(blocks.len()),
        _ => Ok(0),
    }
}

/// What follows from this block on.
pub(super) fn open_at(part: Part, number: usize, jobs: usize) -> io::Result<Stream> {
    let blocks = blocks(&part).filter(|b| number < b.len()).ok_or_else(|| io::Error::other("no such xz block"))?;
    Ok(Box::new(Parallel::start(part, blocks[number..].to_vec(), jobs)))
}

/// A block: where it starts in the part, how long it is there with its padding, and how long decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    start: u64,
    len: u64,
    decompressed: u64,
}

/// The blocks as the index tells them; `None` where the file is anything but one plain stream.
fn blocks(part: &Part) -> Option<Vec<Block>> {
    let mut footer = [0; HEADER as usize];
    part.read_exact_at(&mut footer, part.len.checked_sub(HEADER)?).ok()?;
    let (b"YZ", Some(size)) = (&footer[10..], footer[4..8].first_chunk::<4>()) else { return None };
    let index_len = (u64::from(u32::from_le_bytes(*size)) + 1) * 4;
    let index_start = part.len.checked_sub(HEADER + index_len)?;
    // An index of that size lists a million blocks.
    if index_len > 16 << 20 {
        return None;
    }
    let mut index = vec![0; index_len as usize];
    part.read_exact_at(&mut index, index_start).ok()?;
    let mut rest = index.strip_prefix(&[0])?;
    let count = number(&mut rest)?;
    let mut start = HEADER;
    let mut blocks = Vec::new();
    for _ in 0..count {
        let len = number(&mut rest)?.checked_next_multiple_of(4)?;
        let decompressed = number(&mut rest)?;
        blocks.push(Block { start, len, decompressed });
        start = start.checked_add(len)?;
    }
    (start == index_start).then_some(blocks)
}

/// The format's numbers: seven bits a byte, at most nine bytes.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for i in 0..9 {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Whether several decoders may run at once: tried with the first block's header.
fn fits(part: &Part) -> io::Result<bool> {
    let mut start = vec![0; 2048.min(part.len as usize)];
    part.read_exact_at(&mut start, 0)?;
    let mut decoder = Decoder::new_stream_decoder(SHARED_MEMORY, 0)?;
    Ok(!matches!(decoder.process(&start, &mut [0; 16], Action::Run), Err(Lzma::MemLimit)))
}

/// Buffers of a stream that ended, for the next one: given back to the allocator they would stay with it, in an arena of
/// a thread that is gone, and a fetch would need the memory of all its streams.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn spare() -> MutexGuard<'static, Vec<Vec<u8>>> {
    SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What reader and decoders share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// What is decoded of a block and not read yet.
#[derive(Default)]
struct Decoded {
    chunks: VecDeque<Vec<u8>>,
    /// It has no more than these.
    is_whole: bool,
}

#[derive(Default)]
struct State {
    free: Vec<Vec<u8>>,
    made: usize,
    /// The block that the reader is at, and the next one to be taken up by a decoder.
    head: usize,
    next: usize,
    done: Vec<Decoded>,
    failed: Option<io::Error>,
    stop: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The number of a block to decode; `None` when there is nothing left to do.
    fn take_up(&self) -> Option<usize> {
        let mut state = self.lock();
        if state.stop || state.next == state.done.len() {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    /// An empty buffer for block `number`; `None` when the reader is gone.
    fn buffer(&self, number: usize) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            let reserve = if number == state.head { 0 } else { RESERVE };
            if state.stop {
                return None;
            }
            if state.free.len() + CHUNKS - state.made > reserve {
                return Some(state.free.pop().unwrap_or_else(|| {
                    state.made += 1;
                    vec![0; CHUNK]
                }));
            }
            state = self.wait(state);
        }
    }

    fn put(&self, number: usize, chunk: Vec<u8>, last: bool) {
        let mut state = self.lock();
        let block = &mut state.done[number];
        block.chunks.push_back(chunk);
        block.is_whole = last;
        drop(state);
        self.changed.notify_all();
    }

    fn fail(&self, error: io::Error) {
        let mut state = self.lock();
        state.failed.get_or_insert(error);
        state.stop = true;
        drop(state);
        self.changed.notify_all();
    }
}

struct Parallel {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Parallel {
    fn start(part: Part, blocks: Vec<Block>, jobs: usize) -> Self {
        let done = blocks.iter().map(|_| Default::default()).collect();
        let free = std::mem::take(&mut *spare());
        let state = Mutex::new(State { done, made: free.len(), free, ..State::default() });
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let blocks = Arc::new(blocks);
        let start = |_| {
            let (worker, part, blocks) = (shared.clone(), part.clone(), blocks.clone());
            let work = move || {
                while let Some(number) = worker.take_up() {
                    if let Err(error) = decode(&worker, &part, blocks[number], number) {
                        return worker.fail(error);
                    }
                }
            };
            std::thread::Builder::new().spawn(work).map_err(|error| shared.fail(error)).ok()
        };
        let workers = (0..jobs.min(blocks.len())).filter_map(start).collect();
        Parallel { shared, workers, chunk: Vec::new(), at: 0 }
    }

    /// Gives the read chunk back and waits for the next; an empty one at the end.
    fn advance(&mut self) -> io::Result<()> {
        let mut state = self.shared.lock();
        let mut read = std::mem::take(&mut self.chunk);
        self.at = 0;
        if read.capacity() >= CHUNK {
            read.resize(CHUNK, 0);
            state.free.push(read);
            self.shared.changed.notify_all();
        }
        loop {
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            let head = state.head;
            match state.done.get_mut(head) {
                None => return Ok(()),
                Some(block) => match block.chunks.pop_front() {
                    // The last chunk of a block can be empty; to a reader that would be the end of all.
                    Some(mut chunk) if chunk.is_empty() => {
                        chunk.resize(CHUNK, 0);
                        state.free.push(chunk);
                    }
                    Some(chunk) => {
                        self.chunk = chunk;
                        return Ok(());
                    }
                    None if block.is_whole => {
                        state.head += 1;
                        self.shared.changed.notify_all();
                    }
                    None if state.stop => return Err(io::Error::other("decoding was stopped")),
                    None => state = self.shared.wait(state),
                },
            }
        }
    }
}

impl BufRead for Parallel {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.chunk.len() {
            self.advance()?;
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.chunk.len().min(self.at + amount);
    }
}

impl Read for Parallel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl Drop for Parallel {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A decoder that panicked has nothing more to say than that.
            let _ = worker.join();
        }
        let mut state = self.shared.lock();
        let mut spare = spare();
        let State { free, done, .. } = &mut *state;
        let unread = done.iter_mut().flat_map(|block| block.chunks.drain(..));
        for mut chunk in free.drain(..).chain(unread).chain([std::mem::take(&mut self.chunk)]) {
            if spare.len() < CHUNKS && chunk.capacity() >= CHUNK {
                chunk.resize(CHUNK, 0);
                spare.push(chunk);
            }
        }
    }
}

/// Decodes one block: to liblzma it is a stream that was cut after its first block.
fn decode(shared: &Shared, part: &Part, block: Block, number: usize) -> io::Result<()> {
    let mut decoder = Decoder::new_stream_decoder(SHARED_MEMORY, check_flag(part))?;
    let mut input = vec![0; 64 << 10];
    part.read_exact_at(&mut input[..HEADER as usize], 0)?;
    let (mut from, mut to) = (0, HEADER as usize);
    let mut left = block;
    let Some(mut chunk) = shared.buffer(number) else { return Ok(()) };
    let mut filled = 0;
    loop {
        if from == to && left.len > 0 {
            let step = input.len().min(left.len as usize);
            part.read_exact_at(&mut input[..step], left.start)?;
            (from, to) = (0, step);
            left.start += step as u64;
            left.len -= step as u64;
        }
        let (taken, given) = (decoder.total_in(), decoder.total_out());
        let status = decoder.process(&input[from..to], &mut chunk[filled..], Action::Run)?;
        let (taken, given) = ((decoder.total_in() - taken) as usize, (decoder.total_out() - given) as usize);
        from += taken;
        filled += given;
        // All input taken means that the block's check sum, which stands last, was right.
        if from == to && left.len == 0 && given == 0 {
            break;
        }
        if (taken, given) == (0, 0) || matches!(status, Status::StreamEnd) {
            return Err(io::Error::other(format!("xz block {number} ends early")));
        }
        if filled == chunk.len() {
            shared.put(number, chunk, false);
            let Some(next) = shared.buffer(number) else { return Ok(()) };
            (chunk, filled) = (next, 0);
        }
    }
    if decoder.total_out() != block.decompressed {
        let came = decoder.total_out();
        return Err(io::Error::other(format!("xz block {number}: expected {} bytes, {came} came", block.decompressed)));
    }
    chunk.truncate(filled);
    shared.put(number, chunk, true);
    Ok(())
}
