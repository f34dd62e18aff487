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
// files it names are not opened: that is [LoadWithFiles].
func Load(path string) (*Config, error) {
	config, faults, err := load(path)
	return whole(config, faults, err)
}

// LoadWithFiles is [Load] that also reads every file and variable the configuration
// names: its [Faults] are those of them, too. With more, unless that is nil, it has what
// only others can read tried, and fault told, under which key it is named, what is wrong
// with it. More is called for a configuration with faults, too: what is faulty is empty
// there.
func LoadWithFiles(path string, more func(c *Config, fault func(key string, err error))) (*Config, error) {
	config, faults, err := load(path)
	if config != nil {
		faults = append(faults, config.filesFaults(more)...)
	}
	return whole(config, faults, err)
}

// whole returns a configuration without faults, or why there is none.
func whole(config *Config, faults Faults, err error) (*Config, error) {
	if err == nil {
		err = faults.sorted()
	}
	if err != nil {
		return nil, err
	}
	return config, nil
}

// load returns what can be made out of the file, nil if nothing can, and its faults. The
// error is that it cannot be read.
func load(path string) (*Config, Faults, error) {
	data, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	config, faults := parse(path, data)
	if config != nil {
		config.resolve(filepath.Dir(path))
	}
	return config, faults, nil
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
	config, faults := parse(name, data)
	return whole(config, faults, nil)
}

// parse returns what can be made out of the content, nil if nothing can, and its faults.
func parse(name string, data []byte) (*Config, Faults) {
	source, faults := newSource(name, data)
	if faults != nil {
		return nil, faults
	}
	body, faults := source.parse()
	if body == nil && faults != nil {
		return nil, faults
	}
	origin := &origin{source: source, places: map[string]place{}}
	config := &Config{origin: origin}
	d := decoder{origin: origin}
	d.document(body, config)
	return config, append(append(faults, d.faults...), validate(config)...)
}
