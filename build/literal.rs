//! Rust expressions for values.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use toml::Spanned;

/// A value that can be written as a constant expression. Text becomes `&'static str`, a list or a map a slice.
pub(crate) trait Literal {
    fn literal(&self) -> TokenStream;
}

/// `literal!(struct Name { fields })` and `literal!(enum Name)`: the type of the same name at run time has the same fields or
/// variants.
macro_rules! literal {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl super::literal::Literal for $name {
            fn literal(&self) -> proc_macro2::TokenStream {
                $(let $field = super::literal::Literal::literal(&self.$field);)*
                quote::quote!($name { $($field: #$field),* })
            }
        }
    };
    (enum $name:ident) => {
        impl super::literal::Literal for $name {
            fn literal(&self) -> proc_macro2::TokenStream {
                let variant = quote::format_ident!("{self:?}");
                quote::quote!($name::#variant)
            }
        }
    };
}
pub(crate) use literal;

macro_rules! as_quoted {
    ($($of:ty),*) => {
        $(impl Literal for $of {
            fn literal(&self) -> TokenStream {
                quote!(#self)
            }
        })*
    };
}
as_quoted!(String, &str, bool, u8, u16, u32, i32, usize, f64);

impl<T: Literal> Literal for Spanned<T> {
    fn literal(&self) -> TokenStream {
        self.get_ref().literal()
    }
}

impl<T: Literal> Literal for Option<T> {
    fn literal(&self) -> TokenStream {
        match self.as_ref().map(Literal::literal) {
            Some(value) => quote!(Some(#value)),
            None => quote!(None),
        }
    }
}

impl<T: Literal> Literal for [T] {
    fn literal(&self) -> TokenStream {
        let items = self.iter().map(Literal::literal);
        quote!(&[#(#items),*])
    }
}

impl<T: Literal> Literal for Vec<T> {
    fn literal(&self) -> TokenStream {
        self.as_slice().literal()
    }
}

impl<K: Literal, V: Literal> Literal for BTreeMap<K, V> {
    fn literal(&self) -> TokenStream {
        let (keys, values) = (self.keys().map(Literal::literal), self.values().map(Literal::literal));
        quote!(&[#((#keys, #values)),*])
    }
}
