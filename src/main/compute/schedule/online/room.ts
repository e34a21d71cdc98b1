/** What is free, and where a need would lie in it. */
export interface Room<Need, Share> {
  /** Null when it does not fit now. What fits still does when more is given back. */
  find(need: Need): Share | null
  take(share: Share): void
  give(share: Share): void
  /** One that changes independently of this. */
  copy(): Room<Need, Share>
  /** The part of a need that does not fit; all of it where only the parts do not fit together. */
  lackOf(need: Need): Need
  /** Whether room for `need` is always room for `other`, too. */
  covers(need: Need, other: Need): boolean
}

/** What runs, by ascending expected end; infinite where that is unknown. */
export interface Ends<Share> {
  readonly size: number
  endsAt(index: number): number
  share(index: number): Share
}
