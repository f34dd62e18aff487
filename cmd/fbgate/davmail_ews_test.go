//go:build unix

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
)

// folders2013 is what of EWS DavMail asks before free/busy: the folders of a mailbox,
// and whose they are. All else, and who may ask, is for the server behind it to say.
type folders2013 struct{ freeBusy http.Handler }

func (x folders2013) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	var envelope struct {
		GetFolder *struct {
			Distinguished []struct {
				ID string `xml:"Id,attr"`
			} `xml:"FolderIds>DistinguishedFolderId"`
		} `xml:"Body>GetFolder"`
		ConvertID *struct{} `xml:"Body>ConvertId"`
	}
	user, password, _ := r.BasicAuth()
	switch err := xml.Unmarshal(body, &envelope); {
	case err == nil && password == davMailPassword && envelope.GetFolder != nil:
		var message string
		for _, folder := range envelope.GetFolder.Distinguished {
			message += fmt.Sprintf(`<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
				`<m:Folders><t:Folder><t:FolderId Id="%s" ChangeKey="AQ=="/><t:DisplayName>%[1]s</t:DisplayName></t:Folder></m:Folders>`+
				`</m:GetFolderResponseMessage>`, folder.ID)
		}
		ewsResponse(w, "GetFolderResponse", message)
	case err == nil && password == davMailPassword && envelope.ConvertID != nil:
		ewsResponse(w, "ConvertIdResponse", fmt.Sprintf(`<m:ConvertIdResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
			`<m:AlternateId xsi:type="t:AlternateId" Format="EwsId" Id="root" Mailbox="%s@example.org"/></m:ConvertIdResponseMessage>`, user))
	default:
		r.Body = io.NopCloser(bytes.NewReader(body))
		x.freeBusy.ServeHTTP(w, r)
	}
}

func ewsResponse(w http.ResponseWriter, name, messages string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>`+
		`<t:ServerVersionInfo xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" MajorVersion="15" MinorVersion="0" MajorBuildNumber="1497" MinorBuildNumber="2" Version="V2_23"/>`+
		`</s:Header><s:Body><m:%s xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`+
		`<m:ResponseMessages>%s</m:ResponseMessages></m:%[1]s></s:Body></s:Envelope>`, name, messages)
}
