package page_test

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// keepPicture writes a picture of a page for the handbook, in the 256 colours it has most
// of: that is a third of the size, and nothing is seen of it.
func keepPicture(t testing.TB, name string, content []byte) {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	few := image.NewPaletted(full.Bounds(), commonest(full))
	nearest := make(map[color.Color]uint8)
	for y := full.Bounds().Min.Y; y < full.Bounds().Max.Y; y++ {
		for x := full.Bounds().Min.X; x < full.Bounds().Max.X; x++ {
			c := full.At(x, y)
			index, ok := nearest[c]
			if !ok {
				index = uint8(few.Palette.Index(c))
				nearest[c] = index
			}
			few.SetColorIndex(x, y, index)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join("..", "..", "..", "docs", "screenshots")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), out.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func commonest(full image.Image) color.Palette {
	counts := make(map[color.Color]int)
	for y := full.Bounds().Min.Y; y < full.Bounds().Max.Y; y++ {
		for x := full.Bounds().Min.X; x < full.Bounds().Max.X; x++ {
			counts[full.At(x, y)]++
		}
	}
	palette := make(color.Palette, 0, len(counts))
	for c := range counts {
		palette = append(palette, c)
	}
	slices.SortFunc(palette, func(a, b color.Color) int {
		ra, ga, ba, _ := a.RGBA()
		rb, gb, bb, _ := b.RGBA()
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(ra, rb), cmp.Compare(ga, gb), cmp.Compare(ba, bb))
	})
	return palette[:min(256, len(palette))]
}
