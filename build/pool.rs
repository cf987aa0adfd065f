//! The texts and lists of large tables, pooled: each is written once, and a table has its place. src/built_in.rs says why.

use std::collections::{BTreeMap, HashMap};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use toml::Spanned;

use super::literal::Literal;

/// What the tables have places in.
#[derive(Default)]
pub(crate) struct Pool {
    texts: String,
    places: HashMap<String, u32>,
    /// The items of lists, by their type.
    items: BTreeMap<&'static str, Vec<TokenStream>>,
}

impl Pool {
    /// `Text` for a text.
    pub(crate) fn text(&mut self, text: &str) -> TokenStream {
        let (start, len) = (self.texts.len() as u32, text.len() as u32);
        let start = *self.places.entry(text.to_owned()).or_insert(start);
        if start as usize == self.texts.len() {
            self.texts += text;
        }
        quote!(crate::built_in::Text::at(#start, #len))
    }

    /// `List` for a list of what is of the type `of`.
    pub(crate) fn list(&mut self, of: &'static str, list: Vec<TokenStream>) -> TokenStream {
        let items = self.items.entry(of).or_default();
        let (start, len) = (items.len() as u32, list.len() as u32);
        items.extend(list);
        quote!(crate::built_in::List::at(#start, #len))
    }

    /// The items of all lists of the type `of`, for the module that has the type.
    pub(crate) fn items(&mut self, of: &'static str) -> TokenStream {
        let items = self.items.remove(of).unwrap_or_default();
        let (of, len) = (format_ident!("{of}"), items.len());
        quote! {
            impl crate::built_in::Listed for #of {
                fn all() -> &'static [Self] {
                    static ALL: [#of; #len] = [#(#items),*];
                    &ALL
                }
            }
        }
    }

    /// All texts, and the items of lists of types that no module of ours has.
    pub(crate) fn generate(mut self) -> TokenStream {
        let (texts, bytes) = (self.items("Text"), self.items("u8"));
        let all = self.texts;
        quote! {
            /// All texts, one after the other.
            static TEXTS: &str = #all;
            #texts
            #bytes
        }
    }
}

/// A value of a large table: text becomes `Text`, a list `List`.
pub(crate) trait Pooled {
    /// Its type at run time, where it is the item of a list.
    const TYPE: &'static str;

    fn pooled(&self, pool: &mut Pool) -> TokenStream;
}

impl Pooled for String {
    const TYPE: &'static str = "Text";

    fn pooled(&self, pool: &mut Pool) -> TokenStream {
        pool.text(self)
    }
}

impl Pooled for u8 {
    const TYPE: &'static str = "u8";

    fn pooled(&self, _: &mut Pool) -> TokenStream {
        self.literal()
    }
}

impl<T: Pooled> Pooled for Spanned<T> {
    const TYPE: &'static str = T::TYPE;

    fn pooled(&self, pool: &mut Pool) -> TokenStream {
        self.get_ref().pooled(pool)
    }
}

impl<T: Pooled> Pooled for Option<T> {
    const TYPE: &'static str = "Option";

    fn pooled(&self, pool: &mut Pool) -> TokenStream {
        match self.as_ref().map(|value| value.pooled(pool)) {
            Some(value) => quote!(Some(#value)),
            None => quote!(None),
        }
    }
}

impl<T: Pooled> Pooled for Vec<T> {
    const TYPE: &'static str = "List";

    fn pooled(&self, pool: &mut Pool) -> TokenStream {
        let items = self.iter().map(|item| item.pooled(pool)).collect();
        pool.list(T::TYPE, items)
    }
}

/// `pooled!(struct Name { fields })` and `pooled!(enum Name)`, as `literal!` does: the type of the same name at run time has
/// the same fields or variants.
macro_rules! pooled {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl super::pool::Pooled for $name {
            const TYPE: &'static str = stringify!($name);

            fn pooled(&self, pool: &mut super::pool::Pool) -> proc_macro2::TokenStream {
                $(let $field = super::pool::Pooled::pooled(&self.$field, pool);)*
                quote::quote!($name { $($field: #$field),* })
            }
        }
    };
    (enum $name:ident) => {
        super::literal::literal!(enum $name);

        impl super::pool::Pooled for $name {
            const TYPE: &'static str = stringify!($name);

            fn pooled(&self, _: &mut super::pool::Pool) -> proc_macro2::TokenStream {
                super::literal::Literal::literal(self)
            }
        }
    };
}
pub(crate) use pooled;
