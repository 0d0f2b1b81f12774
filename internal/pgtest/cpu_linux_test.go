package pgtest

import "testing"

func TestParseStat(t *testing.T) {
	t.Parallel()
	const line = "4711 (post) gres (x)) S 42 4711 4711 0 -1 4194304 900 17 0 0 31 7 200 9 20 0 1 0 12345 1 2\n"
	pid, parent, own, reaped, err := parseStat([]byte(line))
	if pid != 4711 || parent != 42 || own != 38 || reaped != 209 || err != nil {
		t.Errorf("got %d, %d, %d, %d, %v", pid, parent, own, reaped, err)
	}
	for _, bad := range []string{"", "1 2 3", "1 (x) S 2 3", "1 (x) S p 3 4 5 6 7 8 9 10 11 12 13 14 15 16"} {
		if _, _, _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestCPU(t *testing.T) {
	t.Parallel()
	s := &Server{}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	url, before := s.Empty(t), s.CPU(t)
	query(t, url, "SELECT sum(i)::text FROM generate_series(1, 3000000) AS i")
	if used := s.CPU(t) - before; used <= 0 {
		t.Errorf("a connection that worked and has gone used %v", used)
	}
}
