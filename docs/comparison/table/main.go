// Command table makes the comparison's tables of draincheck's JSON reports: table out/nethttp.json out/nginx.json …
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

type report struct {
	name      string
	Scenarios []scenario `json:"scenarios"`
}

type scenario struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	Trials      int    `json:"trials"`
	Connections int    `json:"connections"`
	Requests    int    `json:"requests"`
	Repeat      int    `json:"repeat"`
	Lost        struct {
		Total int `json:"total"`
	} `json:"lost"`
	Hung   int `json:"hung"`
	ToExit *struct {
		Median float64 `json:"median"`
	} `json:"signal_to_exit_ms"`
	Codes map[string]int `json:"close_codes"`
}

// scenario finds one by its name; what a report doesn't have was not run.
func (r report) scenario(name string) scenario {
	for _, s := range r.Scenarios {
		if s.Name == name {
			return s
		}
	}
	return scenario{Status: "not run"}
}

func main() {
	log.SetFlags(0)
	var reports []report
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		r := report{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(text, &r); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		reports = append(reports, r)
	}
	if len(reports) == 0 {
		log.Fatal("usage: table REPORT.json …")
	}
	write("lost", reports, lost)
	write("signal to exit, median ms", reports, exit)
}

func write(title string, reports []report, cell func(scenario) string) {
	head, rule := "| "+title+" |", "|---|"
	for _, r := range reports {
		head += " " + r.name + " |"
		rule += "---|"
	}
	fmt.Printf("%s\n%s\n", head, rule)
	for _, s := range reports[0].Scenarios {
		line := "| " + s.Name + " |"
		for _, r := range reports {
			line += " " + cell(r.scenario(s.Name)) + " |"
		}
		fmt.Println(line)
	}
	fmt.Println()
}

func lost(s scenario) string {
	switch {
	case s.Status == "not run":
		return "–"
	case s.Trials == 0 || s.Status == "failed":
		return "failed *"
	}
	text := fmt.Sprint(s.Lost.Total)
	if s.Lost.Total > 0 {
		of := s.Connections
		switch s.Name {
		case "pipelining", "h2", "h2inflight":
			of = s.Requests
		case "early":
			of /= 2 // each client tried once without a signal
		}
		text = fmt.Sprintf("**%d** of %d", s.Lost.Total, of)
	}
	if s.Repeat > 0 {
		text += fmt.Sprintf(", %d repeat", s.Repeat)
	}
	if s.Hung > 0 {
		text += ", **hung**"
	}
	if n := s.Codes["1001"]; n > 0 {
		text += fmt.Sprintf(", %d × 1001", n)
	}
	return text
}

func exit(s scenario) string {
	switch {
	case s.Hung > 0:
		return "hung"
	case s.ToExit == nil:
		return "–"
	}
	return fmt.Sprintf("%.0f", s.ToExit.Median)
}
