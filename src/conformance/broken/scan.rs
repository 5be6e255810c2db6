//! What a defect makes of scans.

use super::{Broken, Defect};
use crate::{
    backend::{Backend, Item, Page, Scan},
    error::Result,
};

impl<B: Backend> Broken<B> {
    /// Every key of a namespace.
    async fn everything(&self, query: &Scan<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut after: Option<Box<str>> = None;
        let (space, _) = self.place(query.namespace, "x")?;
        loop {
            let page = self
                .inner
                .scan(&Scan {
                    namespace: &space,
                    after: after.as_deref(),
                    limit: 1000,
                    reverse: false,
                    ..*query
                })
                .await?;
            items.extend(page.items);
            match page.resume {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        if self.is(Defect::JoinsNamespaces)
            && let Some((_, rest)) = query.namespace.as_str().split_once(':')
        {
            let prefix = format!("{rest}:");
            items.retain_mut(|item| match item.key.strip_prefix(&*prefix) {
                Some(key) => {
                    item.key = key.into();
                    true
                }
                None => false,
            });
        }
        Ok(items)
    }

    pub(super) async fn page(&self, query: &Scan<'_>) -> Result<Page> {
        let mut items = self.everything(query).await?;
        let mut sorted_by_bytes = true;
        match self.defect {
            Defect::SortsByUtf16 => {
                items.sort_by_cached_key(|item| item.key.encode_utf16().collect::<Vec<_>>());
                sorted_by_bytes = false;
            }
            Defect::SortsBySegments => {
                items.sort_by_cached_key(|item| {
                    item.key.split('.').map(str::to_owned).collect::<Vec<_>>()
                });
                sorted_by_bytes = false;
            }
            Defect::ScansLate => {
                let last = self.state.with(|s| s.last_written.take());
                items.retain(|item| last.as_deref() != Some(&*item.key));
            }
            Defect::FiltersWrongly if query.pattern.is_some() => {
                let text = query.pattern.map_or("", crate::pattern::Pattern::as_str);
                items.retain(|item| !text.starts_with("**.") || item.key.contains('.'));
            }
            _ => {}
        }
        let reverse = query.reverse && !self.is(Defect::IgnoresReverse);
        if reverse {
            items.reverse();
        }
        if let Some(after) = query.after {
            if sorted_by_bytes {
                items.retain(|item| {
                    let key = &*item.key;
                    let beyond = if reverse { key < after } else { key > after };
                    beyond || (self.is(Defect::RepeatsAtPageBorders) && key == after)
                });
            } else if let Some(at) = items.iter().position(|item| &*item.key == after) {
                items.drain(..=at);
            }
            if self.is(Defect::SkipsAtPageBorders) && !items.is_empty() {
                items.remove(0);
            }
        }
        let most = match self.defect {
            Defect::OverfillsPages => query.limit.saturating_add(1),
            _ => query.limit,
        };
        let more = items.len() > most;
        items.truncate(most);
        let last = items.last().map(|item| item.key.clone());
        for item in &mut items {
            if self.is(Defect::ScansWithoutExpiry) {
                item.expires_at = None;
            }
            if let Some(stored) = item.stored.take() {
                let (space, _) = self.place(query.namespace, "x")?;
                let shown = self.show(&space, &item.key, stored);
                if !self.is(Defect::ScansWithoutExpiry) {
                    item.expires_at = shown.record.expires_at;
                }
                item.stored = Some(shown);
            }
        }
        let resume = match self.defect {
            Defect::EndsScansEarly => None,
            Defect::NeverEndsScans => last.or_else(|| query.after.map(Into::into)),
            _ => last.filter(|_| more),
        };
        Ok(Page { items, resume })
    }
}
