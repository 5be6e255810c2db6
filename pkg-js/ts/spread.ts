/** Shallow copies of objects. */

/**
 * A shallow copy. V8 knows few shapes at one place in the code before it gives up on it: with 32
 * places, which objects of different levels and fields come by, the copy takes half the time.
 */
export function spread(value: object, site: number): object {
  switch (site) {
    case 0:
      return { ...value };
    case 1:
      return { ...value };
    case 2:
      return { ...value };
    case 3:
      return { ...value };
    case 4:
      return { ...value };
    case 5:
      return { ...value };
    case 6:
      return { ...value };
    case 7:
      return { ...value };
    case 8:
      return { ...value };
    case 9:
      return { ...value };
    case 10:
      return { ...value };
    case 11:
      return { ...value };
    case 12:
      return { ...value };
    case 13:
      return { ...value };
    case 14:
      return { ...value };
    case 15:
      return { ...value };
    case 16:
      return { ...value };
    case 17:
      return { ...value };
    case 18:
      return { ...value };
    case 19:
      return { ...value };
    case 20:
      return { ...value };
    case 21:
      return { ...value };
    case 22:
      return { ...value };
    case 23:
      return { ...value };
    case 24:
      return { ...value };
    case 25:
      return { ...value };
    case 26:
      return { ...value };
    case 27:
      return { ...value };
    case 28:
      return { ...value };
    case 29:
      return { ...value };
    case 30:
      return { ...value };
    default:
      return { ...value };
  }
}
