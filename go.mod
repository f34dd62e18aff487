module fbgate

go 1.26
