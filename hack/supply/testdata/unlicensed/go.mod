module example.com/unlicensed

go 1.26.0
