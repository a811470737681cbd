import { degreesEast, degreesNorth, type Box, type LonLat } from './geo'

/** A fixed pseudo-random stream: streaks stay where they were when only the wind changes. */
function stream(seed: number): () => number {
  let s = seed
  return () => {
    s = (s * 16807) % 2147483647
    return s / 2147483647
  }
}

/**
 * Draw the wind as still streaks over the park: direction and length from the live weather station.
 * Nothing moves by itself; they are drawn again when the wind or the camera changes.
 */
export function drawWind(
  canvas: HTMLCanvasElement,
  project: (at: LonLat) => { x: number; y: number },
  area: Box,
  wind: { speed: number; from: number } | null,
): void {
  const scale = Math.min(devicePixelRatio, 2)
  const width = canvas.clientWidth
  const height = canvas.clientHeight
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
  }
  const g = canvas.getContext('2d')
  if (!g) return
  g.setTransform(scale, 0, 0, scale, 0, 0)
  g.clearRect(0, 0, width, height)
  if (!wind || wind.speed < 0.2) return
  const lat = (area[1] + area[3]) / 2
  const spanEast = (area[2] - area[0]) / degreesEast(1, lat)
  const spanNorth = (area[3] - area[1]) / degreesNorth(1)
  const toward = ((wind.from + 180) * Math.PI) / 180
  const dx = Math.sin(toward)
  const dy = Math.cos(toward)
  const length = Math.min(900, 90 * wind.speed) * (spanEast / 5000)
  const random = stream(9)
  g.lineWidth = 1
  for (let i = 0; i < 260; i++) {
    const x = (random() - 0.5) * spanEast * 1.3
    const y = (random() - 0.5) * spanNorth * 1.5
    const own = length * (0.6 + random() * 0.8)
    const phase = random() * 6
    let last: { x: number; y: number } | null = null
    for (let step = 0; step <= 14; step++) {
      const along = (step / 14) * own
      const sway = Math.sin(along / (own * 0.6) + phase) * own * 0.03
      const p = project([
        (area[0] + area[2]) / 2 + degreesEast(x + dx * along - dy * sway, lat),
        lat + degreesNorth(y + dy * along + dx * sway),
      ])
      if (last) {
        g.strokeStyle = `rgba(220,238,248,${(0.34 * (step / 14) ** 1.6).toFixed(3)})`
        g.beginPath()
        g.moveTo(last.x, last.y)
        g.lineTo(p.x, p.y)
        g.stroke()
      }
      last = p
    }
  }
}
