/// Wan 2.1 and 2.2: text or a picture to video.
package enum Wan {}
