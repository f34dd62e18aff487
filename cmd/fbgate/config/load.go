package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile is the largest file that is read, in bytes: thousands of
// organizations fit in.
const maxFile = 4 << 20

// Load reads and checks the file at path; the error is [Faults] if its content
// is faulty. Relative paths in it are resolved against the file's folder. The
// files it names are not opened: that is [Config.CheckFiles].
func Load(path string) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	config, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	config.resolve(filepath.Dir(path))
	return config, nil
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return data, nil
}

// Parse checks the content of a file called name. It opens no files.
func Parse(name string, data []byte) (*Config, error) {
	source, faults := newSource(name, data)
	if faults != nil {
		return nil, faults
	}
	body, faults := source.parse()
	origin := &origin{source: source, places: map[string]place{}}
	config := &Config{origin: origin}
	if body != nil || faults == nil {
		d := decoder{origin: origin}
		d.document(body, config)
		faults = append(faults, d.faults...)
		faults = append(faults, validate(config)...)
	}
	if err := faults.sorted(); err != nil {
		return nil, err
	}
	return config, nil
}
