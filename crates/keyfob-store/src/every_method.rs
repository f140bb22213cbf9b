/// Every method of [`KeyStore`](crate::KeyStore), for whatever is written once for each: name,
/// arguments (`&` in the brackets of those that are borrowed) and what its future gives.
///
/// What is missing here does not compile, since the trait has no default bodies.
macro_rules! every_method {
    ($write:ident) => {
        $write! {
            insert(key: () NewKey, limit: () KeyLimit, by: () Attribution)
                -> Result<Issued, StoreError>;
            find(hashes: (&) [KeyHash])
                -> Result<FoundKeys, StoreError>;
            get(organization: (&) OrganizationId, key: () KeyId)
                -> Result<KeyRecord, StoreError>;
            list(organization: (&) OrganizationId, query: () KeyQuery, at: () Timestamp)
                -> Result<Page<KeyRecord, KeyId>, StoreError>;
            keys_in_use(organization: (&) OrganizationId, at: () Timestamp)
                -> Result<u64, StoreError>;
            revoke(organization: (&) OrganizationId, key: () KeyId, reason: () Option<Reason>,
                by: () Attribution)
                -> Result<Committed<KeyRecord>, StoreError>;
            import(keys: () Vec<NewKey>, limit: () KeyLimit, by: () Attribution)
                -> Result<Committed<Vec<KeyRecord>>, ImportError>;
            rotate(organization: (&) OrganizationId, key: () KeyId, rotation: () Rotation,
                by: () Attribution)
                -> Result<Issued, StoreError>;
            retire_old_secret(organization: (&) OrganizationId, key: () KeyId, by: () Attribution)
                -> Result<Committed<KeyRecord>, StoreError>;
            switch(organization: (&) OrganizationId, key: () KeyId, to: () Switch,
                by: () Attribution)
                -> Result<Committed<KeyRecord>, StoreError>;
            edit(organization: (&) OrganizationId, key: () KeyId, edit: () KeyEdit,
                limit: () KeyLimit, by: () Attribution)
                -> Result<Committed<KeyRecord>, StoreError>;
            delete_organization(organization: (&) OrganizationId, by: () Attribution)
                -> Result<Committed<()>, StoreError>;
            record_usage(batch: (&) UsageBatch)
                -> Result<(), StoreError>;
            usage(organization: (&) OrganizationId, query: () UsageQuery)
                -> Result<Vec<UsageRow>, StoreError>;
            prune_usage(before: () Hour)
                -> Result<u64, StoreError>;
            append_event(event: () NewEvent, by: () Attribution)
                -> Result<Event, StoreError>;
            events(organization: (&) OrganizationId, query: () EventQuery)
                -> Result<Page<Event, FeedPosition>, StoreError>;
            position()
                -> Result<FeedCursor, StoreError>;
            changes(after: () FeedCursor, limit: () usize)
                -> Result<Changes, StoreError>;
            wait(after: () FeedPosition)
                -> ();
            report_node(report: () NodeReport)
                -> Result<(), StoreError>;
            nodes()
                -> Result<Vec<NodeReport>, StoreError>;
            forget_node(node: () NodeId)
                -> Result<(), StoreError>;
        }
    };
}

pub(crate) use every_method;
