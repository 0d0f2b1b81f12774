// Package localjob runs jobs in the memory of one process, for the embedded
// database, where one process works.
//
// It owns the order of the jobs, the folder through which processes find each
// other, and the turn of who works: the process that holds the folder's lock
// does, others stand by and take over when it ends, however it ends. A process
// that does not work passes what it is asked to the one that does. It refuses to
// know what jobs do and what the records hold.
//
// Nothing is kept of waiting jobs when the process dies: what is due stands in
// the records, and schedules find it there again. So an insert is only as good
// as the schedule that would make it; what nobody else would think of, such as
// an order to make every file anew, is lost with the process. The folder keeps
// what was never to be used twice: ids, and the slots of schedules.
//
//	lock           who works; the system frees it with the process
//	state.json     the next free id, and the last slot of each schedule
//	control.json   where the working process listens on loopback, and the secret
//	               that it wants to hear; readable by its owner alone
package localjob
