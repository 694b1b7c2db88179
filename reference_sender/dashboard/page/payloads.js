// @ts-check
// Types of the payloads of the events. tests/unit/reference_sender/dashboard/test_payloads.py compares them with the
// structs of the server. Durations are in seconds; `null`: not known.

/**
 * One second, for the charts.
 * @typedef {object} Point
 * @property {number} unix_s
 * @property {number} accepted_per_s
 * @property {number} sent_per_s
 * @property {number} delivered_per_s
 * @property {number} failed_per_s
 * @property {number} expired_per_s
 * @property {Record<string, number>} queued messages by class
 * @property {number} in_flight
 * @property {number} held
 * @property {number} awaiting_report
 */

/**
 * @typedef {object} ClassRow
 * @property {string} message_class
 * @property {number} queued
 * @property {number} sent
 * @property {number} delivered
 * @property {number} failed
 * @property {number} expired
 * @property {number} measured
 * @property {number | null} p50_s
 * @property {number | null} p95_s
 * @property {number | null} alert_limit_s
 * @property {boolean} over
 */

/**
 * @typedef {object} ShownCampaign
 * @property {string} name
 * @property {string} state
 * @property {number} messages
 * @property {number} held
 * @property {string | null} held_by
 * @property {number | null} held_until_unix_s
 * @property {number} queued
 * @property {number} sent
 * @property {number} delivered
 * @property {number} failed
 * @property {number} expired
 * @property {number | null} per_s
 * @property {number | null} eta_s
 * @property {number | null} cost
 * @property {number | null} cost_at_end
 * @property {number | null} spending_limit
 */

/**
 * @typedef {object} RouteRow
 * @property {string} name
 * @property {string} condition
 * @property {string} trouble
 * @property {number} paused_s
 * @property {number} in_flight
 * @property {number} max_in_flight
 * @property {number} paced_requests_per_s
 * @property {number} requests_per_s
 * @property {number} throttled
 * @property {number | null} delivery_rate
 * @property {number | null} delivery_s
 */

/**
 * @typedef {object} ErrorRow
 * @property {string} reason
 * @property {number} messages
 * @property {number} in_window
 */

/**
 * @typedef {object} AlertRow
 * @property {string} name
 * @property {string} description
 * @property {number} lasted_s
 * @property {number | null} ended_ago_s
 */

/**
 * @typedef {object} Overview
 * @property {Point} point
 * @property {number} up_s
 * @property {number} window_s
 * @property {number | null} nodes
 * @property {string} store
 * @property {number} accepted
 * @property {number} refused
 * @property {number | null} eta_s
 * @property {number | null} cost
 * @property {number | null} cost_at_end
 * @property {ClassRow[]} classes
 * @property {ShownCampaign[]} campaigns
 * @property {number} more_campaigns
 * @property {RouteRow[]} routes
 * @property {ErrorRow[]} errors
 * @property {AlertRow[]} alerts
 * @property {AlertRow[]} ended_alerts
 */

/**
 * @typedef {object} History
 * @property {Point[]} points
 */

export {};
