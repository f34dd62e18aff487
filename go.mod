module fbgate

go 1.26

require (
	github.com/goccy/go-yaml v1.19.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/patrickmn/go-cache v2.1.0+incompatible // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
