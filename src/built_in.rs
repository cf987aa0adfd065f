//! Texts and lists of the built-in tables, as the build script writes them: by their place, not by their address. A program that
//! is loaded anywhere (static-pie) has every address in its tables corrected at each start, and each page of them written and
//! so copied; a place is looked up when it is wanted.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::{Serialize, Serializer};

// TEXTS, and the items of lists of texts and of bytes.
include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// A text: its place among all of them.
#[derive(Clone, Copy)]
pub struct Text {
    start: u32,
    len: u32,
}

impl Text {
    pub(crate) const fn at(start: u32, len: u32) -> Text {
        Text { start, len }
    }

    /// It.
    pub fn as_str(self) -> &'static str {
        &TEXTS[self.start as usize..][..self.len as usize]
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What lists have as items.
pub trait Listed: Sized + 'static {
    /// The items of all lists of this type.
    fn all() -> &'static [Self];
}

/// A list: its place among the items of all of them.
pub struct List<T> {
    start: u32,
    len: u32,
    of: PhantomData<T>,
}

impl<T> List<T> {
    pub(crate) const fn at(start: u32, len: u32) -> List<T> {
        List { start, len, of: PhantomData }
    }
}

impl<T: Listed> List<T> {
    /// Its items.
    pub fn as_slice(&self) -> &'static [T] {
        &T::all()[self.start as usize..][..self.len as usize]
    }
}

impl<T: Listed> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Listed + PartialEq> PartialEq for List<T> {
    fn eq(&self, other: &List<T>) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Listed + Eq> Eq for List<T> {}

impl<T: Listed + fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<T: Listed + Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}
