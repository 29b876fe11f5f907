wrk.method = "POST"
wrk.body = '{"model":"mock-model","messages":[{"role":"user","content":"' .. string.rep("lorem ipsum ", 80) .. '"}]}'
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")
wrk.headers["Content-Type"] = "application/json"
