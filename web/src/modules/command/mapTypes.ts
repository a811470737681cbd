/** What is at a place (`GET /map/pick`) and what a search finds (`GET /search`); see registry/schemas.py. */
export interface PickHit {
  kind: string
  noun: string
  id: number
  code: string
  name: string
  name_en: string
  enterprise_id: number | null
  distance_m: number
  href: string
}
export interface SearchHit {
  kind: string
  id: number
  code: string
  name: string
  name_en: string
  enterprise_id: number | null
  position: [number, number] | null
  href: string
}
