package config

import "strings"

// longestTypo is the longest word a correction is looked for, in bytes.
const longestTypo = 40

// closest returns "did you mean …?" with the nearest candidate, or "".
func closest(word string, candidates []string) string {
	best := nearest(word, candidates)
	if best == "" {
		return ""
	}
	return didYouMean(best)
}

// nearest returns the candidate that word is most likely a slip of, or "".
func nearest(word string, candidates []string) string {
	if len(word) > longestTypo {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if d := distance(plain(word), plain(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

func didYouMean(text string) string { return "did you mean " + text + "?" }

// plain makes TargetSharingEpr, target-sharing-epr and target_sharing_epr the
// same: people know these words from different places.
func plain(word string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(word))
}

// distance is how many letters were added, dropped, changed or swapped with
// their neighbour (optimal string alignment).
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
