package main

import "net/http"

func leanHandler() http.Handler { return http.HandlerFunc(echo) }
