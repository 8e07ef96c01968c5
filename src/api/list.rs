//! Lists as users write them into one string, separated by commas.

/// The items in order, without the space around them and without empty ones.
pub fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn space_and_nothing_are_no_items() {
        assert_eq!(items(" b,, a c ,\t,").collect::<Vec<_>>(), ["b", "a c"]);
        assert_eq!(items("").count(), 0);
    }
}
