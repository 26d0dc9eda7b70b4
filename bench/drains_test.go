package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinearFindsTheLineThatNoPointIsFarFrom(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	straight := series{x: x, y: []float64{3e-6, 5e-6, 9e-6, 17e-6}} // 1 + 2x
	require.Contains(t, linear(straight), "2.0 µs for each further connection; 0 % off")
	off := series{x: x, y: []float64{3e-6 * 1.1, 5e-6 * 0.9, 9e-6 * 1.05, 17e-6 * 1.1}}
	require.Contains(t, linear(off), "10 % off") // on alternating sides, and none is farther
	bent := series{x: []float64{1, 2, 3}, y: []float64{1, 4, 9}}
	require.Contains(t, linear(bent), "11 % off") // 1, 4 and 9 are (1-e)y, (1+e)y, (1-e)y of one line for e = -1/9
}
