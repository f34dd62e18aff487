package foldertest

import (
	"fmt"
	"net/url"
	"strings"
)

var names = strings.NewReplacer("_xF8FF_", "/", "_x003F_", "?", "_xF8FE_", `\`, "_x007E_", "~")

// parsePath reads /public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:…/USER-….EML as it
// was sent. A plus sign that is not escaped is refused, as it may become a space.
func parsePath(escaped string) (folder, dn string, err error) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if len(segments) != 5 {
		return "", "", fmt.Errorf("%s is not the path of an item", escaped)
	}
	for i, segment := range segments {
		if strings.Contains(segment, "+") {
			return "", "", fmt.Errorf("a plus sign in %s", segment)
		}
		if segments[i], err = url.PathUnescape(segment); err != nil {
			return "", "", err
		}
	}
	for i, want := range []string{"public", "NON_IPM_SUBTREE", "SCHEDULE+ FREE BUSY"} {
		if !strings.EqualFold(segments[i], want) {
			return "", "", fmt.Errorf("%s instead of %s", segments[i], want)
		}
	}
	org, isFolder := strings.CutPrefix(segments[3], "EX:")
	user, isUser := strings.CutPrefix(segments[4], "USER-")
	user, isItem := strings.CutSuffix(user, ".EML")
	org, user = names.Replace(org), names.Replace(user)
	switch {
	case !isFolder || !isUser || !isItem:
		return "", "", fmt.Errorf("%s is not the path of an item", escaped)
	case !strings.HasPrefix(strings.ToLower(org), "/o=") || strings.Contains(strings.ToLower(org), "/cn="):
		return "", "", fmt.Errorf("%s is no organization", org)
	case !strings.HasPrefix(strings.ToLower(user), "/cn=") || len(user) == len("/cn="):
		return "", "", fmt.Errorf("%s is no recipient", user)
	}
	return org, org + user, nil
}
