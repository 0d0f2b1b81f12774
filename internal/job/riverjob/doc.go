// Package riverjob shares jobs between any number of processes over PostgreSQL.
// River (github.com/riverqueue/river) keeps, fetches and finishes them.
//
// It owns what River leaves open: turns of merchants, joining, schedules, and
// the fate of jobs whose process has died. It refuses to know what jobs do and
// where the records are; a job may be inserted in any transaction of the same
// database ([Client.InsertTx]).
//
// How it uses River's table:
//
//   - A job that waits is "pending", which River leaves alone, until the balance
//     of its queue makes it "available": as many jobs of each merchant as may run,
//     those first that have waited longest for a turn. Rank decides among one
//     merchant's. All have one River priority, because that would let one
//     merchant's jobs go before another's for ever.
//   - What is fetched must be admitted before it is worked on, one decision a
//     merchant and queue at a time, because fetching knows nothing of merchants. What
//     is not admitted goes back and waits.
//   - A row is unique by kind, merchant, key and slot. The second slot is for
//     the job that waits while one of the same runs; of those that do the same
//     only the oldest is ever worked on.
//   - Each process tells in the table job_runner that it lives. When one has not
//     done so for a while, its running rows are closed and go on as new ones,
//     which what is left of the process can neither finish nor fail. A process
//     that could not tell so in time ends its jobs' contexts by its own,
//     monotonic, clock.
//   - The table job_schedule holds each schedule's last slot. Its row is locked
//     while the jobs of the next are inserted, in one transaction with them.
//
// It needs a database role that may read and write River's tables and the two
// of its own, and connections that are not pooled by transaction, since jobs
// are cancelled over LISTEN and NOTIFY. Where notifications are lost, a cancel is noticed
// with the next sign of life.
package riverjob
