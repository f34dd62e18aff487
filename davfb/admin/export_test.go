package admin

// Routes returns the paths and methods, but HEAD, that New answers, as "GET /cache".
func Routes() []string {
	all := []string{"GET /healthz", "GET /readyz"}
	for _, o := range new(admin).routes() {
		for _, method := range o.methods() {
			if method != "HEAD" {
				all = append(all, method+" "+o.path)
			}
		}
	}
	return all
}
