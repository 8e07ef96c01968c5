//! What two lists have in common at their ends: a change leaves most of a long list as it was.

use std::sync::Arc;

/// How many values at the beginning of two lists, and how many of the rest at their end, are the same `Arc`s.
pub fn shared_ends<T>(a: &[Arc<T>], b: &[Arc<T>]) -> (usize, usize) {
    let same = |(a, b): &(&Arc<T>, &Arc<T>)| Arc::ptr_eq(a, b);
    let head = a.iter().zip(b).take_while(same).count();
    let rest = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(same).count();
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_counted_twice() {
        let [a, b, c, equal] = ["a", "b", "c", "a"].map(Arc::new);
        let list = |of: &[&Arc<&'static str>]| of.iter().copied().cloned().collect::<Vec<_>>();
        let all = list(&[&a, &b, &c]);
        assert_eq!(shared_ends(&all, &all), (3, 0));
        assert_eq!(shared_ends(&all, &list(&[&a, &c])), (1, 1));
        assert_eq!(shared_ends(&list(&[&a, &b]), &list(&[&a, &b, &a, &b])), (2, 0));
        assert_eq!(shared_ends(&all, &list(&[&equal, &b, &c])), (0, 2), "equal is not the same");
        assert_eq!(shared_ends(&all, &[]), (0, 0));
    }
}
