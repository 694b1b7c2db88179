// @ts-check
// Types of the payloads that the admin API sends. tests/unit/mock_provider/inbox/test_pages.py compares them with the
// structs of the server. `null` is a value; an instant is in unix seconds.

/**
 * @typedef {object} CapturedMessage
 * @property {string} provider_id
 * @property {string} number E.164 digits
 * @property {string} submitted_number
 * @property {string} sender
 * @property {string} text
 * @property {number} segments
 * @property {number} price
 * @property {string} key
 * @property {string | null} client_ref
 * @property {string} protocol
 * @property {string} state
 * @property {string} reason
 * @property {string} stage
 * @property {number} accepted_unix_s
 * @property {number | null} carrier_unix_s
 * @property {number | null} final_unix_s
 * @property {string} country
 * @property {string} carrier
 * @property {string} memo
 */

/**
 * @typedef {object} TrafficTotals
 * @property {number} accepted
 * @property {number} refused
 * @property {number} delivered
 * @property {number} failed
 */

/**
 * One second of traffic. Rates are per second, queues hold messages.
 * @typedef {object} Tick
 * @property {number} unix_s
 * @property {number} accepted_per_s
 * @property {number} refused_per_s
 * @property {number} delivered_per_s
 * @property {number} failed_per_s
 * @property {TrafficTotals} totals
 * @property {number} open
 * @property {number} replies_waiting
 * @property {number} reports_waiting
 * @property {number} accept_queue
 * @property {Record<string, number>} carrier_queues
 * @property {number} loop_lag_ms
 */

/**
 * @typedef {object} JourneyTimestamp
 * @property {string} name
 * @property {number | null} unix_s
 * @property {number | null} after_ms since the previous timestamp
 */

/**
 * @typedef {object} Journey
 * @property {JourneyTimestamp[]} timestamps
 * @property {string} key
 * @property {number} submits
 * @property {number} accepts
 * @property {number} ordinal
 * @property {boolean} priority
 * @property {string} report_address a URL, or in SMPP the system_id
 * @property {number} report_calls
 * @property {number} expires_unix_s
 * @property {string} faults
 * @property {string} delayed_for
 * @property {number | null} not_before_unix_s
 * @property {boolean} final
 */

/**
 * @typedef {object} Segment
 * @property {string} text
 * @property {number} units
 */

/**
 * @typedef {object} ForeignCharacter
 * @property {string} character
 * @property {string} code_point
 * @property {string} name
 * @property {number} position
 * @property {number} count
 */

/**
 * @typedef {object} Inspected
 * @property {string} encoding
 * @property {number} units
 * @property {number} units_per_segment
 * @property {Segment[]} segments
 * @property {ForeignCharacter[]} forced_by
 */

/**
 * @typedef {object} NumberView
 * @property {string} msisdn
 * @property {boolean} exists
 * @property {string} country
 * @property {string} carrier
 * @property {string} mcc
 * @property {string} mnc
 * @property {boolean} ported
 * @property {string} ported_from
 */

/**
 * @typedef {object} Detail
 * @property {CapturedMessage} message
 * @property {Inspected} text
 * @property {NumberView} network
 * @property {Journey | null} journey null: the engine has forgotten the message
 */

/**
 * @typedef {object} FaultWindow
 * @property {string} name
 * @property {string} kind
 * @property {string} title
 * @property {string} phase
 * @property {number} begins_in_s
 * @property {number | null} ends_in_s null: it does not end by itself
 * @property {boolean} waits_for_input
 */

/**
 * The parts of a profile that the forms show, as the schema of `/admin/profile/schema` has them.
 * @typedef {object} Profile
 * @property {string} name
 * @property {string} title
 * @property {{ requests: Limit | null, segments: Limit | null } | null} throttle
 * @property {{ drain_segments_per_s: number | null, capacity_segments: number | null } | null} accept_queue
 * @property {{ latency: Latency, errors: Share[] }} reply
 * @property {{ latency: Latency, failures: Share[] }} delivery
 * @property {{ name: string, country: string, segments_per_s: number | null }[]} carriers
 */

/**
 * @typedef {object} Limit
 * @property {number} rate_per_s
 * @property {number} burst
 */

/**
 * A distribution: its kind has some of the parameters.
 * @typedef {object} Latency
 * @property {string} kind
 * @property {number} [value_s]
 * @property {number} [low_s]
 * @property {number} [high_s]
 * @property {number} [median_s]
 * @property {number} [p99_s]
 * @property {number} [absent_share]
 * @property {Latency} [body]
 */

/**
 * A part of the messages, which fails, or of the requests, which are refused.
 * @typedef {object} Share
 * @property {number} share
 * @property {string} [refusal]
 * @property {string} [state]
 * @property {string} [reason]
 */

export {};
