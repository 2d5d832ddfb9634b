-- wrk's part of a measurement. Arguments: the name of a header and a file with its values, one in a line; the requests
-- take them in turn. At the end a line of JSON says what happened, in microseconds.

local requests, turn = {}, 0

function init(args)
  local name, file = args[1], args[2]
  if not name then return end
  for value in io.lines(file) do
    requests[#requests + 1] = wrk.format(nil, nil, { Host = wrk.headers["Host"], [name] = value })
  end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
  if #requests == 1 then
    -- wrk sends one and the same request without asking for it.
    for value in io.lines(file) do wrk.headers[name] = value end
    request = nil
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
