-- For wrk: POST /api/orders with one line, as one customer. TOKEN is in the environment.
wrk.method = "POST"
wrk.path = "/api/orders"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("TOKEN") or "")
wrk.body = '{"lines": [{"productId": "berlin-1.milk-1l", "quantity": 1}], "paymentMethod": "cash_on_delivery", '
  .. '"deliveryAddress": {"street": "1 Market Square", "city": "Berlin", "zipCode": "10115", "country": "DE"}}'

done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('RESULT %.1f %d %d %.3f %.3f\n', summary.requests / (summary.duration / 1e6),
    summary.errors.status, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
