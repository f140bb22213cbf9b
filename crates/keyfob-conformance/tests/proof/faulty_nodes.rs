use std::time::Duration;

use keyfob_store::{
    Actor, Author, FeedCursor, KeyStore, NodeId, NodeReport, StoreError, Timestamp,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle};

impl FaultyStore {
    pub(crate) async fn faulty_report(&self, mut report: NodeReport) -> Result<(), StoreError> {
        let known = self.honest.nodes().await?;
        let before = known.iter().find(|node| node.id == report.id);
        match self.fault {
            Fault::SpansAreSeconds => {
                report.staleness_bound = Duration::from_secs(report.staleness_bound.as_secs());
            }
            Fault::NodesAreToldApartByName => {
                let namesake = known.iter().find(|node| node.name == report.name);
                report.id = namesake.map_or(report.id, |node| node.id);
            }
            Fault::FirstReportStays => {
                let cursor = report.cursor;
                report = before.cloned().unwrap_or(report);
                report.cursor = cursor;
            }
            Fault::EarlierReportIsIgnored
                if before.is_some_and(|before| report.reported_at < before.reported_at) =>
            {
                return Ok(());
            }
            Fault::ReportFromBehindIsIgnored
                if before
                    .is_some_and(|before| report.cursor.position() < before.cursor.position()) =>
            {
                return Ok(());
            }
            Fault::ReportedPositionGoesBack => self.honest.forget_node(report.id).await?,
            Fault::PositionIsComparedBeforeTheTransaction => {
                let farthest = before.map_or(report.cursor, |before| before.cursor);
                report.cursor = later(report.cursor, farthest);
                dawdle().await;
                self.honest.forget_node(report.id).await?;
            }
            Fault::ReportIsLogged => self.log_of_nodes(),
            _ => {}
        }
        self.note_report(&mut report);
        let end = self.honest.position().await?;
        match self.honest.report_node(report.clone()).await {
            Err(StoreError::FeedLost) if self.fault == Fault::ReportsAreOfAnyHistory => {
                self.honest.report_node(NodeReport { cursor: end, ..report }).await
            }
            reported => reported,
        }
    }

    pub(crate) async fn faulty_nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        match self.fault {
            Fault::NodesAreListedAsTheyCame => Ok(self.notes().reports.clone()),
            _ => self.honest.nodes().await,
        }
    }

    pub(crate) async fn faulty_forget(&self, node: NodeId) -> Result<(), StoreError> {
        let known = self.honest.nodes().await?;
        match self.fault {
            Fault::ForgottenNodeIsListed => return Ok(()),
            Fault::ForgettingForgetsAll => {
                for node in &known {
                    self.honest.forget_node(node.id).await?;
                }
            }
            Fault::ForgettingAgainIsNotFound if known.iter().all(|known| known.id != node) => {
                return Err(StoreError::NotFound);
            }
            Fault::ForgettingIsLogged => self.log_of_nodes(),
            _ => {}
        }
        self.honest.forget_node(node).await
    }

    /// Notes of a node are never forgotten.
    fn note_report(&self, report: &mut NodeReport) {
        let mut notes = self.notes();
        match notes.reports.iter_mut().find(|node| node.id == report.id) {
            Some(before) => {
                if self.fault == Fault::ForgottenNodeKeepsItsPosition {
                    report.cursor = later(report.cursor, before.cursor);
                }
                *before = report.clone();
            }
            None => notes.reports.push(report.clone()),
        }
    }

    fn log_of_nodes(&self) {
        let by = Author::from("node".parse::<Actor>().unwrap()).at(Timestamp::from_micros(0));
        self.log_needlessly(&"acme".parse().unwrap(), &by);
    }
}

fn later(one: FeedCursor, other: FeedCursor) -> FeedCursor {
    if other.position() > one.position() { other } else { one }
}
