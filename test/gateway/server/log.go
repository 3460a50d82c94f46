package main

import (
	"fmt"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

func logInfo(message string)  { fmt.Print(gateway.LogLine(time.Now(), gateway.Info, message)) }
func logWarn(message string)  { fmt.Print(gateway.LogLine(time.Now(), gateway.Warn, message)) }
func logError(message string) { fmt.Print(gateway.LogLine(time.Now(), gateway.Error, message)) }
