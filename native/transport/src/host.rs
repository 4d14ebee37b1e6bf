//! A crypto provider whose keys, signatures and ciphers are node:crypto's; only hashing is done here.
use dimpl::crypto::*;
use dimpl::{CryptoError, CryptoOperation};
use sha2::Digest;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    fn random(at: *mut u8, len: usize);
    /// Makes a key pair, writes the public key to `out`; returns slot << 8 | length, or a negative number.
    fn kx_start(group: u32, out: *mut u8) -> i32;
    fn kx_finish(slot: u32, peer: *const u8, len: usize, out: *mut u8) -> i32;
    fn sign(hash: u32, data: *const u8, len: usize, out: *mut u8) -> i32;
    fn verify(
        rsa: u32,
        hash: u32,
        cert: *const u8,
        cert_len: usize,
        data: *const u8,
        len: usize,
        sig: *const u8,
        sig_len: usize,
    ) -> i32;
    fn cipher_new(key: *const u8, len: usize) -> i32;
    /// In place; the 16 bytes after the data take the tag.
    fn seal(slot: u32, nonce: *const u8, aad: *const u8, aad_len: usize, data: *mut u8, len: usize) -> i32;
    /// `len` includes the tag.
    fn open(slot: u32, nonce: *const u8, aad: *const u8, aad_len: usize, data: *mut u8, len: usize) -> i32;
}
fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

#[derive(Debug)]
struct Host;

#[derive(Debug)]
struct Group(NamedGroup);
#[derive(Debug)]
struct Exchange {
    group: NamedGroup,
    slot: u32,
    public: Buf,
}
impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.0
    }
    fn start_exchange(&self, mut public: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let mut out = [0u8; 97];
        let n = unsafe { kx_start(self.0.as_u16() as u32, out.as_mut_ptr()) };
        if n < 0 {
            return Err(CryptoError::UnsupportedKeyExchangeGroup(self.0));
        }
        public.clear();
        public.extend_from_slice(&out[..(n & 0xff) as usize]);
        Ok(Box::new(Exchange { group: self.0, slot: (n >> 8) as u32, public }))
    }
}
impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }
    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let mut secret = [0u8; 48];
        let n = unsafe { kx_finish(self.slot, peer.as_ptr(), peer.len(), secret.as_mut_ptr()) };
        if n <= 0 {
            return Err(CryptoError::InvalidPublicKey(self.group));
        }
        out.clear();
        out.extend_from_slice(&secret[..n as usize]);
        Ok(())
    }
    fn group(&self) -> NamedGroup {
        self.group
    }
}

fn hash_bits(hash: HashAlgorithm) -> u32 {
    if hash == HashAlgorithm::SHA384 { 384 } else { 256 }
}
impl SignatureVerifier for Host {
    fn verify_signature(
        &self,
        cert: &[u8],
        data: &[u8],
        sig: &[u8],
        hash: HashAlgorithm,
        alg: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let rsa = alg == SignatureAlgorithm::RSA;
        if (!rsa && alg != SignatureAlgorithm::ECDSA)
            || (hash != HashAlgorithm::SHA256 && hash != HashAlgorithm::SHA384)
        {
            return Err(failed(CryptoOperation::VerifySignature));
        }
        let ok = unsafe {
            verify(
                rsa as u32,
                hash_bits(hash),
                cert.as_ptr(),
                cert.len(),
                data.as_ptr(),
                data.len(),
                sig.as_ptr(),
                sig.len(),
            )
        };
        if ok == 1 { Ok(()) } else { Err(failed(CryptoOperation::VerifySignature)) }
    }
}
/// The private key never comes in here.
impl KeyProvider for Host {
    fn load_private_key(&self, _: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        Ok(Box::new(Host))
    }
}
impl SigningKey for Host {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let mut signature = [0u8; 80];
        let n = unsafe { sign(hash_bits(hash), data.as_ptr(), data.len(), signature.as_mut_ptr()) };
        if n <= 0 {
            return Err(failed(CryptoOperation::Sign));
        }
        out.clear();
        out.extend_from_slice(&signature[..n as usize]);
        Ok(())
    }
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }
    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256, HashAlgorithm::SHA384]
    }
}
impl SecureRandom for Host {
    fn fill(&self, buf: &mut [u8]) -> Result<(), CryptoError> {
        unsafe { random(buf.as_mut_ptr(), buf.len()) };
        Ok(())
    }
}

#[derive(Clone)]
enum Hash {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
}
impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}
impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        match self {
            Hash::Sha256(h) => h.update(data),
            Hash::Sha384(h) => h.update(data),
        }
    }
    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        match self.clone() {
            Hash::Sha256(h) => out.extend_from_slice(&h.finalize()),
            Hash::Sha384(h) => out.extend_from_slice(&h.finalize()),
        }
    }
}
impl HashProvider for Host {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        Box::new(if algorithm == HashAlgorithm::SHA384 {
            Hash::Sha384(Default::default())
        } else {
            Hash::Sha256(Default::default())
        })
    }
}
impl HmacProvider for Host {
    fn hmac(&self, hash: HashAlgorithm, key: &[u8], data: &[u8], out: &mut [u8]) -> Result<usize, CryptoError> {
        use hmac::{Hmac, KeyInit, Mac};
        macro_rules! mac {
            ($h:ty) => {{
                let mut mac = Hmac::<$h>::new_from_slice(key).map_err(|_| failed(CryptoOperation::ComputeHmac))?;
                mac.update(data);
                let result = mac.finalize().into_bytes();
                out[..result.len()].copy_from_slice(&result);
                Ok(result.len())
            }};
        }
        match hash {
            HashAlgorithm::SHA256 => mac!(sha2::Sha256),
            HashAlgorithm::SHA384 => mac!(sha2::Sha384),
            _ => Err(CryptoError::UnsupportedHmacHash(hash)),
        }
    }
}

const TAG: usize = 16;
#[derive(Debug)]
struct Gcm(u32);
fn gcm(key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
    let slot = unsafe { cipher_new(key.as_ptr(), key.len()) };
    if slot < 0 {
        return Err(failed(CryptoOperation::CreateCipher));
    }
    Ok(Box::new(Gcm(slot as u32)))
}
impl Cipher for Gcm {
    fn encrypt(&mut self, data: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let n = data.len();
        data.resize(n + TAG, 0);
        let r = unsafe { seal(self.0, nonce.as_ptr(), aad.as_ptr(), aad.len(), data.as_mut().as_mut_ptr(), n) };
        if r < 0 { Err(failed(CryptoOperation::Encrypt)) } else { Ok(()) }
    }
    fn decrypt(&mut self, data: &mut TmpBuf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let n = data.len();
        if n < TAG {
            return Err(CryptoError::CiphertextTooShort { minimum: TAG as u8, actual: n as u8 });
        }
        let r = unsafe { open(self.0, nonce.as_ptr(), aad.as_ptr(), aad.len(), data.as_mut().as_mut_ptr(), n) };
        if r < 0 {
            return Err(failed(CryptoOperation::Decrypt));
        }
        data.truncate(n - TAG);
        Ok(())
    }
}
#[derive(Debug)]
struct Suite12(Dtls12CipherSuite, usize);
impl SupportedDtls12CipherSuite for Suite12 {
    fn suite(&self) -> Dtls12CipherSuite {
        self.0
    }
    fn hash_algorithm(&self) -> HashAlgorithm {
        self.0.hash_algorithm()
    }
    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, self.1, 4)
    }
    fn explicit_nonce_len(&self) -> usize {
        8
    }
    fn tag_len(&self) -> usize {
        TAG
    }
    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        gcm(key)
    }
}
#[derive(Debug)]
struct Suite13;
impl SupportedDtls13CipherSuite for Suite13 {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::AES_128_GCM_SHA256
    }
    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }
    fn key_len(&self) -> usize {
        16
    }
    fn iv_len(&self) -> usize {
        12
    }
    fn tag_len(&self) -> usize {
        TAG
    }
    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        gcm(key)
    }
    fn encrypt_sn(&self, sn_key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        use aes::cipher::{BlockCipherEncrypt, KeyInit};
        let cipher = aes::Aes128::new_from_slice(sn_key).unwrap();
        let mut block = aes::Block::from(*sample);
        cipher.encrypt_block(&mut block);
        block.into()
    }
}

static X25519: Group = Group(NamedGroup::X25519);
static P256: Group = Group(NamedGroup::Secp256r1);
static AES_128: Suite12 = Suite12(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256, 16);
static RSA_AES_128: Suite12 = Suite12(Dtls12CipherSuite::ECDHE_RSA_AES128_GCM_SHA256, 16);
static AES_128_13: Suite13 = Suite13;
static HOST: Host = Host;

static GROUPS: [&dyn SupportedKxGroup; 2] = [&X25519, &P256];
static SUITES: [&dyn SupportedDtls12CipherSuite; 2] = [&AES_128, &RSA_AES_128];
static SUITES_13: [&dyn SupportedDtls13CipherSuite; 1] = [&AES_128_13];

pub fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &GROUPS,
        signature_verification: &HOST,
        key_provider: &HOST,
        secure_random: &HOST,
        hash_provider: &HOST,
        hmac_provider: &HOST,
        cipher_suites: &SUITES,
        dtls13_cipher_suites: &SUITES_13,
    }
}
