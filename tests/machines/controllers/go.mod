module example.invalid/controllers

go 1.26.0

tool sigs.k8s.io/cluster-api/core

require (
	sigs.k8s.io/cluster-api v1.14.2
	sigs.k8s.io/cluster-api/api v1.14.2
)
