// Package job is the one face of work that is done in the background: what a
// job is, which kinds there are, when they are due and how they are repeated.
// Two runners stand behind it. Package riverjob shares jobs between any number
// of processes over PostgreSQL; package localjob keeps them in the memory of the
// one process that works, for the embedded database.
//
// It owns the rules that both runners keep, which package jobtest proves of each:
//
//   - Of jobs with one kind, merchant and key one runs at a time. What is inserted
//     while one waits joins it; what is inserted while one runs waits for its end
//     and then runs, so a change is never missed.
//   - Merchants take turns, queue by queue. At most a set number of one
//     merchant's jobs run at a time, and his further ones wait without standing
//     in anybody's way. Ranks order the jobs of one merchant, never those of two.
//   - A schedule's slot leads to jobs once, however many processes look at it.
//   - A job that fails is repeated with growing, jittered pauses, a number of
//     times. What panics fails. What was running when a process died is run
//     again by another.
//
// It refuses to know what the jobs do, which database holds the records, and
// who may see or cancel a job. Jobs must bear being repeated and, seldom, being
// run twice at once: what they change must be decided by the records.
package job
