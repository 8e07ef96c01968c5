//! How a group of metrics is declared: once, with all that is ever said of it.

/// Declares a struct of metrics. Each has its explanation, field, type, name and initial value; labels are in the order
/// of their names, as they are printed. `parts` are groups within the group.
macro_rules! metrics {
    (
        $(#[$about:meta])*
        $group:ident { $($(#[doc = $part_help:literal])* $part_vis:vis $part:ident: $part_type:ty),* }
        $($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal, $make:expr;)*
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $group {
            $($(#[doc = $help])+ pub $field: $kind,)*
            $($(#[doc = $part_help])* $part_vis $part: $part_type,)*
        }

        impl $group {
            /// All of them zero, nothing with labels.
            pub(in crate::metrics) fn zero() -> $group {
                $group {
                    $($field: $make,)*
                    $($part: <$part_type>::zero(),)*
                }
            }

            /// Shows every metric to a visitor.
            pub(in crate::metrics) fn visit(
                &self,
                visitor: &mut impl $crate::metrics::text::Visit,
            ) {
                $(visitor.metric($name, concat!($($help),+).trim(), &self.$field);)*
                $(self.$part.visit(visitor);)*
            }
        }
    };
}
