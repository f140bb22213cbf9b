use keyfob_core::Environment;

use crate::{KeyId, KeyStatus};

/// Which keys of an organization to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// How many at most.
    pub size: PageSize,
    /// Only keys that come after this one, which is where the page before ended. The key itself
    /// need not exist any more.
    pub after: Option<KeyId>,
    /// Only keys of this status, at the time that is asked for.
    pub status: Option<KeyStatus>,
    /// Only keys of this environment.
    pub environment: Option<Environment>,
}

impl KeyQuery {
    /// The first page of every key.
    #[must_use]
    pub const fn new(size: PageSize) -> Self {
        Self { size, after: None, status: None, environment: None }
    }
}

/// How many records a page holds at most: 1 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSize(u16);

impl PageSize {
    /// The largest page.
    pub const MAX: Self = Self(200);

    /// The number of rows after which a store may end a page. Filters leave out some of them, so a
    /// page may be short, or empty, and have a next one. `keyfob-sqlite` keeps this bound.
    pub const MAX_EXAMINED_ROWS: u32 = 5_000;

    /// A page of this many, or `None` when it is 0 or more than 200.
    #[must_use]
    pub const fn new(size: u16) -> Option<Self> {
        if size == 0 || size > Self::MAX.0 { None } else { Some(Self(size)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// One page of a list, and where the next one starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, Next> {
    /// The records of this page: at most its size. There may be fewer, or none, before the last page.
    pub items: Vec<T>,
    /// What to ask the next page `after`; `None` when this page is the last.
    pub next: Option<Next>,
}

impl<T, Next> Page<T, Next> {
    /// Makes a page of records that were read with one more than its size: the extra one tells
    /// that there is a next page, and is dropped.
    #[must_use]
    pub fn of_read_ahead(mut items: Vec<T>, size: PageSize, next: impl FnOnce(&T) -> Next) -> Self {
        let size = usize::from(size.get());
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(next);
        Self { items, next }
    }

    /// Makes a page of a store that examined a bounded number of rows: as
    /// [`of_read_ahead`](Self::of_read_ahead), but the next page follows `examined_to` if the store
    /// stopped there before it had enough records.
    #[must_use]
    pub fn of_examined(
        items: Vec<T>,
        size: PageSize,
        next: impl FnOnce(&T) -> Next,
        examined_to: Option<Next>,
    ) -> Self {
        let mut page = Self::of_read_ahead(items, size, next);
        page.next = page.next.or(examined_to);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_goes_on_where_its_store_stopped() {
        let page = |items: &[u8], examined_to| {
            let size = PageSize::new(2).unwrap();
            let page = Page::of_examined(items.to_vec(), size, |last| *last, examined_to);
            (page.items, page.next)
        };
        assert_eq!(page(&[9, 8, 7], Some(1)), (vec![9, 8], Some(8)));
        assert_eq!(page(&[9, 8], Some(1)), (vec![9, 8], Some(1)));
        assert_eq!(page(&[], Some(1)), (vec![], Some(1)));
        assert_eq!(page(&[9], None), (vec![9], None));
    }
}
