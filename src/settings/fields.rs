//! Typed fields from a table of variables: name, type, default and meaning stand in one place.

macro_rules! settings {
    ($Settings:ident, $doc:literal; $($name:literal $field:ident: $type:ty = $default:expr, $meaning:literal;)*) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Settings {
            $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] pub $field: $type,)*
        }

        impl Default for $Settings {
            fn default() -> $Settings {
                $Settings { $($field: $default,)* }
            }
        }

        impl $Settings {
            /// Name and value of each, as they would be written, in the order of the table.
            pub fn effective(&self) -> Vec<(&'static str, String)> {
                vec![$(($name, $crate::settings::value::Value::show(&self.$field)),)*]
            }

            /// Takes one variable. False for one that is not in this part of the table.
            pub(super) fn set(
                &mut self,
                name: &str,
                text: &str,
            ) -> Result<bool, $crate::settings::value::Rejected> {
                match name {
                    $($name => $crate::settings::value::assign(&mut self.$field, text),)*
                    _ => Ok(false),
                }
            }
        }

        const MEANINGS: &[&str] = &[$($meaning),*];
    };
}

pub(super) use settings;
