/// Keys and tokens of another implementation (PyJWT): the issuer is https://issuer.example, the audience cadre, the
/// subject ann, from 1900000000 to 2000000000. The private keys were thrown away.
public enum TokenFixtures {
  /// A public key of 2,048 bits, r1.
  public static let rsaKey = [
    #"{"kty":"RSA","key_ops":["verify"],"n":"t_XAQKuPNrb-8GUajyd46CyVi4uPGVbVP1ywzyu2dEw9LO7QcnOXUy0rd"#,
    #"AQUefgtBoCko9QsNOiy3RnyUYjsYknXMSTVHLdUNKEHBEWFdd-c-NEfoxZsL4EFwtaQ1i7NGWli0owKbkgaTzN9r8RbYRdbC"#,
    #"g8jzl1rP-bgiyAF3nk1goe5ju1sPCwUSlMqFWwOGPOsrFDXqj4HuiQSLdAzzclY8wUM7ixmqV72I-x_ua2kglX-HzqeogaUS"#,
    #"p28vi0ToysytW2tbM7xJO7m5nPTRyect-RWii-8NJnXpvCFcPGqMWPTA6IdrPBxHXHbV3wzkdlxHMujUUvk3y_zGNs5-Q",""#,
    #"e":"AQAB","kid":"r1","use":"sig"}"#,
  ].joined()
  /// A public key of P-256, e1.
  public static let ecKey = [
    #"{"kty":"EC","crv":"P-256","x":"3E6k6II9rpyINzMJcpff5dHe7Gt4bTYbH_75G3a6zwE","y":"TmrzgvuUIe8_jSz"#,
    #"z5WIQBVJSb6fFu3YGr3zbb-Z66kI","kid":"e1"}"#,
  ].joined()
  /// A public key of 1,024 bits.
  public static let shortKey = [
    #"{"kty":"RSA","key_ops":["verify"],"n":"q_dI5z0ox1WXuAfmEQ71bTnl_amdyFPrtSdCba2xrb_j28jxf6Muf06py"#,
    #"sHkqc3MWAa8LchTPSKF2b9wuE-ZfpyWFAnrPb57n4f4F5zxdCXv3lr914h1s_ZRX2sERjarH_SLQ6kqp54oCtT5o-rZgCKlb"#,
    #"5V62CGtG3mCpMOKaJ8","e":"AQAB"}"#,
  ].joined()
  /// Signed by r1.
  public static let rs256 = [
    #"eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwi"#,
    #"YXVkIjoiY2FkcmUiLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsImlhdCI6MTkwMDAwMDAwMCwidGVuYW50IjoidCIs"#,
    #"InJvbGVzIjpbImRldiIsImNhZHJlLWFkbWluIl19.URu7JZiAuvpihmU3rVLE9fAZ-dZGATUy5FoGogR9hv_17UD1D4Ouy4r"#,
    #"fd-2qxcrlzVKAU_6z081ebSxEI1n5Gqe7mPTWByZmaHYGnJc1K08ppmo2TN6mFOvXv53Uky5idhy0ZFn03yPxPmNL7nJ_fwW"#,
    #"SYi4aRJG_N67q60lKPVJvmC573Zz4hiZro_fsvVXYrzx47TZNefM0H0u80db3Wb4ShHI1Nj5Y4BHPryho7TFLsmSPPgjzTRC"#,
    #"rPmT8W0vvbXXe6fDkjdqXJYk0jQjBMvLX5wJqrhMJyv558vHG3Y2WJTsl_DMrHqjNY_LfPXSZsHyk_P1AHM40CYDQSQgwtQ"#,
  ].joined()
  /// Signed by e1.
  public static let es256 = [
    #"eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwi"#,
    #"YXVkIjoiY2FkcmUiLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsImlhdCI6MTkwMDAwMDAwMCwidGVuYW50IjoidCIs"#,
    #"InJvbGVzIjpbImRldiIsImNhZHJlLWFkbWluIl19.y7BmSP9FPQBM6UUmXyB0hw_E7fyEVLCq_8BqfE5Uf5O1g8nkJY-GiIN"#,
    #"lgkTe0G06D4mR4NoZGrkBxhjDJb0GTA"#,
  ].joined()
  /// Signed by 32 times the letter s, h1.
  public static let hs256 = [
    #"eyJhbGciOiJIUzI1NiIsImtpZCI6ImgxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwi"#,
    #"YXVkIjoiY2FkcmUiLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsImlhdCI6MTkwMDAwMDAwMCwidGVuYW50IjoidCIs"#,
    #"InJvbGVzIjpbImRldiIsImNhZHJlLWFkbWluIl19.J6ecmUfWcWqX1IlUreVJ_ypXDWW2oBVgti_SldHw204"#,
  ].joined()
  /// HS256 with the PEM text of r1 as its secret.
  public static let confusedPEM = [
    #"eyJhbGciOiAiSFMyNTYiLCAia2lkIjogInIxIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIuZXhhb"#,
    #"XBsZSIsICJhdWQiOiAiY2FkcmUiLCAic3ViIjogImFubiIsICJleHAiOiAyMDAwMDAwMDAwLCAiaWF0IjogMTkwMDAwMDAwM"#,
    #"CwgInRlbmFudCI6ICJ0IiwgInJvbGVzIjogWyJkZXYiLCAiY2FkcmUtYWRtaW4iXX0.bEiOcKntpx-clRuGz5vVauTXq7VVj"#,
    #"RQlPaL8_oeCSHY"#,
  ].joined()
  /// HS256 with the modulus of r1 as its secret.
  public static let confusedModulus = [
    #"eyJhbGciOiAiSFMyNTYiLCAia2lkIjogInIxIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIuZXhhb"#,
    #"XBsZSIsICJhdWQiOiAiY2FkcmUiLCAic3ViIjogImFubiIsICJleHAiOiAyMDAwMDAwMDAwLCAiaWF0IjogMTkwMDAwMDAwM"#,
    #"CwgInRlbmFudCI6ICJ0IiwgInJvbGVzIjogWyJkZXYiLCAiY2FkcmUtYWRtaW4iXX0.vrWrqcfEruGHNizg97t9496IbLyEA"#,
    #"-n1Po_C40iHNXU"#,
  ].joined()
}
