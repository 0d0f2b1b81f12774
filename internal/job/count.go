package job

// Count is the number of jobs of one kind in one state.
type Count struct {
	Kind  string `json:"kind"`
	State State  `json:"state"`
	Jobs  int64  `json:"jobs"`
}
