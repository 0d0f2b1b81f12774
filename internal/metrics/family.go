package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind says what sort of number a metric is.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Family is one metric with all its labels.
type Family struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
	// buckets are those of a histogram, in seconds.
	buckets []float64
}

var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120, 600}
	runBuckets     = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600}
	callBuckets    = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}
)

// The metrics of feedmill. docs/operations.md lists the same.
var (
	httpRequests  = Family{"feedmill_http_requests_total", Counter, []string{"route", "method", "status"}, "Requests that were answered, by the template of their route.", nil}
	httpBytes     = Family{"feedmill_http_response_bytes_total", Counter, []string{"route"}, "Bytes of bodies that were sent.", nil}
	httpSeconds   = Family{"feedmill_http_request_seconds", Histogram, []string{"route"}, "How long requests took, bodies included.", requestBuckets}
	refusals      = Family{"feedmill_refusals_total", Counter, []string{"reason"}, "Requests of partners that were refused.", nil}
	cuts          = Family{"feedmill_downloads_cut_total", Counter, nil, "Downloads that were broken off because they were no longer allowed.", nil}
	running       = Family{"feedmill_downloads_running", Gauge, nil, "Downloads under way.", nil}
	eventsQueued  = Family{"feedmill_download_events_queued", Gauge, nil, "Downloads that wait to be written into the records.", nil}
	eventsDropped = Family{"feedmill_download_events_dropped_total", Counter, nil, "Downloads that were not written into the records because too many waited.", nil}
	snapshotAge   = Family{"feedmill_accounts_age_seconds", Gauge, nil, "How long ago the accounts that decide who may read were last confirmed.", nil}

	runs          = Family{"feedmill_publish_runs_total", Counter, []string{"outcome"}, "Runs that ended: published, unchanged, held, lost or failed.", nil}
	runSeconds    = Family{"feedmill_publish_run_seconds", Histogram, nil, "How long runs took.", runBuckets}
	runProducts   = Family{"feedmill_publish_products_total", Counter, []string{"kind", "change"}, "Products that generations added, changed and removed.", nil}
	generations   = Family{"feedmill_publish_generations_total", Counter, []string{"kind"}, "Generations that were published.", nil}
	runBytes      = Family{"feedmill_publish_bytes_total", Counter, []string{"kind"}, "Bytes of files of published generations, uncompressed, each file counted once.", nil}
	missed        = Family{"feedmill_publish_missed_changes_total", Counter, []string{"kind"}, "Differences that a comparison of everything found and the hints had not named. Anything but 0 is a fault of feedmill.", nil}
	held          = Family{"feedmill_publish_held_total", Counter, []string{"kind"}, "Generations that were held for people to decide about.", nil}
	restored      = Family{"feedmill_publish_restored_total", Counter, nil, "Runs that found that the records have lost history, as after a restore; each feed begins a new epoch.", nil}
	feeds         = Family{"feedmill_feeds", Gauge, []string{"kind"}, "Feeds that an offer is read from.", nil}
	feedAge       = Family{"feedmill_feed_oldest_age_seconds", Gauge, []string{"kind", "merchant"}, "Age of the oldest current generation. At most 100 merchants have a line of their own.", nil}
	feedExpiry    = Family{"feedmill_feed_first_expiry_seconds", Gauge, []string{"kind", "merchant"}, "Time until the first current generation expires; negative when it has. At most 100 merchants have a line of their own.", nil}
	changesQueued = Family{"feedmill_changes_waiting", Gauge, nil, "Changes that are not in every feed yet.", nil}
	changeLag     = Family{"feedmill_changes_oldest_seconds", Gauge, nil, "Age of the oldest change that is not in every feed yet; 0 when there is none.", nil}

	jobs = Family{"feedmill_jobs", Gauge, []string{"kind", "state"}, "Jobs that are kept.", nil}

	storeCalls   = Family{"feedmill_store_calls_total", Counter, []string{"call", "outcome"}, "Calls of the object store: ok, missing, damaged, cancelled or failed.", nil}
	storeSeconds = Family{"feedmill_store_call_seconds", Histogram, []string{"call"}, "How long calls of the object store took; of open the time to the first byte, of list to the last name.", callBuckets}
	storeBytes   = Family{"feedmill_store_bytes_total", Counter, []string{"call"}, "Bytes put into and read from the object store.", nil}

	cacheRequests = Family{"feedmill_cache_requests_total", Counter, []string{"outcome"}, "Reads through the disk cache: hit, miss or bypass.", nil}
	cacheDamaged  = Family{"feedmill_cache_damaged_total", Counter, nil, "Files whose stored bytes were not the recorded ones.", nil}
	cacheEvicted  = Family{"feedmill_cache_evicted_total", Counter, nil, "Files that made room for others in the disk cache.", nil}
	cacheBytes    = Family{"feedmill_cache_bytes", Gauge, nil, "Bytes that the disk cache holds.", nil}
	cacheFiles    = Family{"feedmill_cache_files", Gauge, nil, "Files that the disk cache holds.", nil}

	poolConnections = Family{"feedmill_database_connections", Gauge, []string{"pool", "state"}, "Connections to the database, in use and idle.", nil}
	poolMax         = Family{"feedmill_database_connections_max", Gauge, []string{"pool"}, "Connections that the pool may have.", nil}
	poolWaits       = Family{"feedmill_database_waits_total", Counter, []string{"pool"}, "Times that somebody waited for a connection.", nil}
	poolWaited      = Family{"feedmill_database_wait_seconds_total", Counter, []string{"pool"}, "Time that was spent waiting for a connection.", nil}

	build        = Family{"feedmill_build_info", Gauge, []string{"version", "go"}, "Always 1; the labels say which program runs.", nil}
	scrapeErrors = Family{"feedmill_scrape_errors_total", Counter, []string{"source"}, "Numbers that could not be read when somebody looked, and are missing from that answer.", nil}
)

// Families lists every metric of feedmill, by name; those of the Go runtime and
// of the process (go_…, process_…) come beside them.
func Families() []Family {
	list := []Family{httpRequests, httpBytes, httpSeconds, refusals, cuts, running, eventsQueued, eventsDropped, snapshotAge,
		runs, runSeconds, runProducts, generations, runBytes, missed, held, restored, feeds, feedAge, feedExpiry, changesQueued, changeLag,
		jobs, storeCalls, storeSeconds, storeBytes, cacheRequests, cacheDamaged, cacheEvicted, cacheBytes, cacheFiles,
		poolConnections, poolMax, poolWaits, poolWaited, build, scrapeErrors}
	for i := range list {
		list[i].Labels = slices.Clone(list[i].Labels)
	}
	slices.SortFunc(list, func(a, b Family) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	return list
}

func (f *Family) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
}

func (f *Family) histogram() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: f.buckets}, f.Labels)
}

func (f *Family) desc() *prometheus.Desc { return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil) }
