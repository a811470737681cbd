/** A column of `DataTable`; a slot of its key's name draws the cell. */
export interface Column {
  key: string
  label: string
  /** Name the list sorts by; a column without one cannot be sorted. */
  sort?: string
  right?: boolean
  /** Never broken into lines. */
  tight?: boolean
  /** On a phone: headline of the card, or left out. */
  phone?: 'title' | 'hide'
}
