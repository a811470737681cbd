/** The figures for Prometheus, read for people. */

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}
export interface Family {
  name: string
  help: string
  kind: string
  samples: Sample[]
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Families of the text format, without buckets and creation times, which no person reads. */
export function readMetrics(text: string): Family[] {
  const found = new Map<string, Family>()
  const family = (name: string): Family => {
    let made = found.get(name)
    if (!made) found.set(name, (made = { name, help: '', kind: 'untyped', samples: [] }))
    return made
  }
  for (const line of text.split('\n')) {
    const said = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line)
    if (said) {
      const of = family(said[2]!)
      if (said[1] === 'HELP') of.help = said[3] ?? ''
      else of.kind = said[3] ?? ''
      continue
    }
    const m = LINE.exec(line)
    if (!m || /_(created|bucket)$/.test(m[1]!)) continue
    const labels: Record<string, string> = {}
    for (const l of (m[2] ?? '').matchAll(LABEL)) labels[l[1]!] = l[2]!.replaceAll('\\"', '"').replaceAll('\\n', '\n').replaceAll('\\\\', '\\')
    const name = m[1]!
    const base = found.has(name) ? name : name.replace(/_(count|sum)$/, '')
    family(found.has(base) ? base : name).samples.push({ name, labels, value: Number(m[3]) })
  }
  return [...found.values()].filter((f) => f.samples.length)
}
