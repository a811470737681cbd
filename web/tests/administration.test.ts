import { describe, expect, it } from 'vitest'
import { looksFor, secondsLeft } from '@/modules/demo/watch'
import { changes } from '@/modules/kernel/diff'
import { readMetrics } from '@/modules/kernel/metrics'
import { temporaryPassword } from '@/modules/kernel/password'

describe('what a change changed', () => {
  it('puts changed members first and says which came and went', () => {
    const rows = changes({ name: 'A', phone: '1', roles: ['x'] }, { name: 'B', phone: '1', roles: ['x', 'y'] })
    expect(rows.map((r) => [r.path, r.kind])).toEqual([
      ['name', 'changed'], ['roles.1', 'added'], ['phone', 'same'], ['roles.0', 'same'],
    ])
  })
  it('keeps nothing, an empty list and false apart', () => {
    expect(changes({ a: null, b: [], c: false }, { a: 'x', b: ['y'], c: true }).map((r) => [r.path, r.before, r.after])).toEqual([
      ['a', 'null', 'x'], ['b', '[]', null], ['c', 'false', 'true'], ['b.0', null, 'y'],
    ])
    expect(changes(null, undefined)).toEqual([])
    expect(changes(null, { a: 1 })[0]).toMatchObject({ kind: 'added', before: null, after: '1' })
  })
})

describe('figures for Prometheus', () => {
  const text = `# HELP parksight_ingest_rejected_total Refused.
# TYPE parksight_ingest_rejected_total counter
parksight_ingest_rejected_total{reason="bad \\"time\\""} 3.0
parksight_ingest_rejected_total{reason="late,very",source="1"} 1e3
parksight_ingest_rejected_created 1.7e9
# HELP parksight_http_seconds Time.
# TYPE parksight_http_seconds histogram
parksight_http_seconds_bucket{le="0.1"} 4
parksight_http_seconds_count 5.0
parksight_http_seconds_sum 0.25
# HELP parksight_empty Nothing.
# TYPE parksight_empty gauge
`
  it('reads families with their labels, without buckets and creation times', () => {
    const found = readMetrics(text)
    expect(found.map((f) => [f.name, f.kind, f.samples.length])).toEqual([
      ['parksight_ingest_rejected_total', 'counter', 2], ['parksight_http_seconds', 'histogram', 2],
    ])
    expect(found[0]!.samples[0]).toEqual({ name: 'parksight_ingest_rejected_total', labels: { reason: 'bad "time"' }, value: 3 })
    expect(found[0]!.samples[1]).toMatchObject({ labels: { reason: 'late,very', source: '1' }, value: 1000 })
  })
})

it('makes temporary passwords a person can read out, no two alike', () => {
  const made = new Set(Array.from({ length: 200 }, () => temporaryPassword()))
  expect(made.size).toBe(200)
  for (const p of made) expect(p).toMatch(/^[a-km-z2-9]{4}(-[a-km-z2-9]{4}){3}$/)
})

describe('the demo', () => {
  it('tells how long the back-history still takes, where it can', () => {
    expect(secondsLeft({ sent: 100, total: 300, rows_per_s: 50 })).toBe(4)
    expect(secondsLeft({ sent: 0, total: 300, rows_per_s: null })).toBeNull()
    expect(secondsLeft({ sent: 300, total: 300, rows_per_s: 50 })).toBeNull()
  })
  it('has somewhere to look for a scenario it does not know', () => {
    expect(looksFor('made-later').map((l) => l.route)).toEqual(['command', 'alarms'])
  })
})
