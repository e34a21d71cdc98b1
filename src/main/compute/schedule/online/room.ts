/** What is free, and where a need would lie in it. */
export interface Room<Need, Share> {
  /** Null when it does not fit now. */
  find(need: Need): Share | null
  take(share: Share): void
  give(share: Share): void
  /** One that changes independently of this. */
  copy(): Room<Need, Share>
}

/** What runs, with when it is expected to end. */
export interface Ends<Share> {
  /** By ascending end, infinite where that is unknown, until `visit` returns false. */
  each(visit: (endsAt: number, share: Share) => boolean): void
}
