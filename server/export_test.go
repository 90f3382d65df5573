package server

// OperatorQuery is how GET /admin/jobs reads its question.
var OperatorQuery = operatorQuery
