package admin

import (
	"net/http"
	"time"
)

// configuration is a Configuration as scripts see it.
type configuration struct {
	File    string    `json:"file"`
	Loaded  time.Time `json:"loaded"`
	Text    string    `json:"text"`
	Changes string    `json:"changes"`
	Restart []string  `json:"restart"`
	Fault   string    `json:"fault"`
}

// showConfiguration answers GET /configuration.
func (a *admin) showConfiguration(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	if a.Configuration == nil {
		return fault{http.StatusNotFound, "the configuration is not shown here"}
	}
	c := a.Configuration()
	writeJSON(w, http.StatusOK, configuration{c.File, c.Loaded.UTC().Truncate(time.Second), c.Text, c.Changes, orEmpty(c.Restart), c.Fault})
	return nil
}

// NotReloaded is what the error of POST /reload begins with where the file has faults,
// which follow as fbgate check shows them.
const NotReloaded = "the one before stays in force: "

// reload answers POST /reload.
func (a *admin) reload(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	if a.Reload == nil || a.Configuration == nil {
		return fault{http.StatusNotFound, "the configuration cannot be read anew here"}
	}
	err := a.Reload()
	a.Changes.Note(a.Log, Reloaded(Who(r), a.Configuration().File, err))
	if err != nil {
		return fault{http.StatusUnprocessableEntity, NotReloaded + err.Error()}
	}
	now := a.Configuration()
	writeJSON(w, http.StatusOK, struct {
		Reloaded bool     `json:"reloaded"`
		Changes  string   `json:"changes"`
		Restart  []string `json:"restart"`
	}{true, now.Changed, orEmpty(now.Restart)})
	return nil
}

// orEmpty writes no list as an empty one.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
