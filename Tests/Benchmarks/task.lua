wrk.method = "POST"
wrk.body = '{"prompt":"hello there"}'
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Prefer"] = "wait=10"
