use std::collections::BTreeMap;

use keyfob::Clock as _;
use keyfob::{Hour, OrganizationId, Outcome, SystemClock, Timestamp, UsageBatch, UsageCount};

use crate::form_client::{FormClient, status_with_key};
use crate::place;
use crate::site::Site;
use crate::webdriver::wait;

/// Accepted and refused.
type Counts = (u64, u64);

#[test]
fn figures_of_the_chart_the_table_and_the_file_are_the_same() {
    let site = Site::start();
    let mut owner = FormClient::signed_in(&site, &site.link);
    assert_eq!(owner.create("second", &["shield:read"]).status, 201);
    let now = SystemClock.wall();
    let second = owner.newest_key();
    let first = owner.get("/settings/api-keys").body;
    let first = first.split("/settings/api-keys/").find(|part| part.contains("first-key")).unwrap();
    for _ in 0..3 {
        status_with_key(&site, "/v1/whoami", &site.first_key);
    }
    let keys = [first[..36].to_owned(), second.rsplit('/').next().unwrap().to_owned()];
    place::record_usage(site.directory(), &earlier(&keys, now));
    let total = "20 accepted</span><span class=\"key-refused\">12 refused";
    wait("usage", || owner.get("/usage?range=7d").body.contains(total).then_some(()));

    for (range, form, total) in [
        ("24h", "%b %-d, %H:%M", (10, 5)),
        ("7d", "%b %-d, %H:%M", (20, 12)),
        ("30d", "%b %-d", (20, 12)),
        ("12m", "%b %Y", (20, 12)),
    ] {
        let page = owner.get(&format!("/usage?range={range}")).body;
        let file = File::read(&owner.get(&format!("/usage.csv?range={range}")).body, form);
        let chart = chart(&page);
        let used: Vec<_> = chart.iter().filter(|(_, counts)| *counts != (0, 0)).cloned().collect();
        assert_eq!(used, file.starts, "{range}");
        let sum = chart.iter().fold((0, 0), |sum, (_, own)| (sum.0 + own.0, sum.1 + own.1));
        assert_eq!(sum, total, "{range}");
        assert_drawn(&page, &chart);
        let mut table = rows(section(&page, "<figure", "</figure>"));
        table.reverse();
        assert_eq!(table, chart, "{range}");
        let by_key = rows(section(&page, "id=\"by-key\"", "</section>"));
        assert_eq!(by_key.into_iter().collect::<BTreeMap<_, _>>(), file.keys, "{range}");
        let outcomes = rows(section(&page, "id=\"by-outcome\"", "</section>"));
        let outcomes: Vec<_> = outcomes.into_iter().map(|(_, (count, _))| count).collect();
        let mut expected: Vec<_> = file.outcomes.values().copied().collect();
        expected.sort_unstable();
        let mut sorted = outcomes.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{range}");
        assert_eq!(outcomes[0], total.0, "what was accepted comes first");

        if range == "30d" {
            let page = owner.get(&second).body;
            let own = self::chart(&page).iter().fold((0, 0), |s, (_, o)| (s.0 + o.0, s.1 + o.1));
            assert_eq!(Some(&own), file.keys.get("second"), "the key's own page");
        }
    }
}

/// Usage of the last two days, beside what was counted just now.
fn earlier(keys: &[String; 2], now: Timestamp) -> UsageBatch {
    let count = |key: usize, hours: i64, outcome, count| {
        let hour = Hour::from_number(Hour::of(now).number() - hours);
        UsageCount {
            organization: OrganizationId::new("demo").unwrap(),
            key: keys[key].parse().unwrap(),
            secret: 1,
            hour,
            outcome,
            count,
            last_at: hour.start(),
        }
    };
    let counts = vec![
        count(0, 1, Outcome::Accepted, 4),
        count(0, 1, Outcome::MissingScope, 2),
        count(1, 1, Outcome::Disabled, 3),
        count(1, 2, Outcome::Accepted, 3),
        count(1, 40, Outcome::Accepted, 10),
        count(1, 40, Outcome::Revoked, 7),
    ];
    UsageBatch { id: [7; 16], at: now, counts }
}

/// What the file says, added up.
#[derive(Default)]
struct File {
    starts: Vec<(String, Counts)>,
    keys: BTreeMap<String, Counts>,
    outcomes: BTreeMap<String, u64>,
}

impl File {
    /// Reads a file whose times the page writes in this form.
    fn read(text: &str, form: &str) -> Self {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("start,key_id,key_name,environment,outcome,requests"));
        let mut file = Self::default();
        for line in lines {
            let [start, _, key, _, outcome, requests] =
                line.split(',').collect::<Vec<_>>().try_into().unwrap();
            let start: jiff::Timestamp = start.parse().unwrap();
            let start = start.strftime(form).to_string();
            let requests: u64 = requests.parse().unwrap();
            if file.starts.last().is_none_or(|(own, _)| *own != start) {
                file.starts.push((start, (0, 0)));
            }
            let of_start = &mut file.starts.last_mut().unwrap().1;
            for counts in [of_start, file.keys.entry(key.to_owned()).or_default()] {
                let place = if outcome == "accepted" { &mut counts.0 } else { &mut counts.1 };
                *place += requests;
            }
            *file.outcomes.entry(outcome.to_owned()).or_default() += requests;
        }
        file
    }
}

/// What the bars say of themselves, in their order.
fn chart(page: &str) -> Vec<(String, Counts)> {
    let titles = page.split("<g><title>").skip(1);
    let read = |title: &str| {
        let (label, counts) = title.split_once("</title>").unwrap().0.rsplit_once(": ").unwrap();
        let numbers: Vec<u64> = counts.split(' ').filter_map(|word| word.parse().ok()).collect();
        (label.to_owned(), (numbers[0], numbers[1]))
    };
    titles.map(read).collect()
}

/// That each bar is as high as it says, by the axis.
#[track_caller]
fn assert_drawn(page: &str, chart: &[(String, Counts)]) {
    let axis = page.split("y-axis\" aria-hidden=\"true\"><span>").nth(1).unwrap();
    let top: u64 = axis.split('<').next().unwrap().parse().unwrap();
    let heights = |class: &str| -> Vec<String> {
        let class = format!("class=\"{class}\"");
        let bars = page.split(&class).skip(1).map(|bar| section(bar, " height=\"", "\""));
        bars.map(str::to_owned).collect()
    };
    let expected = |count: fn(&Counts) -> u64| -> Vec<String> {
        let points = |(_, counts): &(String, Counts)| count(counts) * 10_000 / top;
        chart.iter().map(points).map(|all| format!("{}.{:02}", all / 100, all % 100)).collect()
    };
    assert_eq!(heights("bar-accepted"), expected(|counts| counts.0));
    assert_eq!(heights("bar-refused"), expected(|counts| counts.1));
}

/// The rows of the first table there: a heading and one or two numbers.
fn rows(part: &str) -> Vec<(String, Counts)> {
    let body = section(part, "<tbody>", "</tbody>");
    let read = |row: &str| {
        let heading = section(row, "<th", "</th>").split_once('>').unwrap().1;
        let name = heading.split("class=\"name\">").nth(1).unwrap_or(heading);
        let numbers: Vec<u64> = row
            .split("<td class=\"number\">")
            .skip(1)
            .map(|cell| cell.split('<').next().unwrap().parse().unwrap())
            .collect();
        let counts = (numbers[0], numbers.get(1).copied().unwrap_or(0));
        (name.split('<').next().unwrap().to_owned(), counts)
    };
    body.split("<tr>").skip(1).map(read).collect()
}

#[track_caller]
fn section<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let after = text.split_once(from).unwrap_or_else(|| panic!("no {from}: {text}")).1;
    after.split_once(to).unwrap().0
}
